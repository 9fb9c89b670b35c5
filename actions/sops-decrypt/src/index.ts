/** One bundle for the action and its sub-actions; each part is loaded when it runs. */
import { runMain, runPost } from "@goatnote/action-io";

const entries = {
  main: async () => (await import("./main.ts")).main(),
  exec: async () => (await import("./exec.ts")).exec(),
  lint: async () => (await import("./lint.ts")).lint(),
};

/** Runs the action (`main`) or one of its sub-actions, or what cleans up after them (`post`). */
export const run = async (entry: keyof typeof entries | "post"): Promise<void> =>
  entry === "post" ? runPost((await import("./post.ts")).post) : runMain(entries[entry]);
