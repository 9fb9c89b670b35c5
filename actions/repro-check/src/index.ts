/** One bundle for the action and its sub-actions; each part is loaded when it runs. */
import { runMain } from "@goatnote/action-io";

const entries = {
  main: async () => (await import("./main.ts")).main(),
  manifest: async () => (await import("./manifest.ts")).manifest(),
  compare: async () => (await import("./compare.ts")).compare(),
};

/** Runs the action (`main`) or one of its sub-actions. */
export const run = (entry: keyof typeof entries): Promise<void> => runMain(entries[entry]);
