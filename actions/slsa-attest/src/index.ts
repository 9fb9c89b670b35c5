/** One bundle for the action and its sub-action; each part is loaded when it runs. */
import { runMain } from "@goatnote/action-io";

const entries = {
  main: async () => (await import("./main.ts")).main(),
  verify: async () => (await import("./verify.ts")).verify(),
};

/** Runs the action (`main`) or one of its sub-actions. */
export const run = (entry: keyof typeof entries): Promise<void> => runMain(entries[entry]);
