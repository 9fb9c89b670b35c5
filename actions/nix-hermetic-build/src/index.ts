/** One bundle for main and post; each part is loaded when it runs. */
import { runMain, runPost } from "@goatnote/action-io";

const entries = {
  run: async () => (await import("./run.ts")).run(),
};

/** Runs the build, or what saves the cache after the job (`post`). */
export const run = async (entry: keyof typeof entries | "post"): Promise<void> =>
  entry === "post" ? runPost((await import("./post.ts")).post) : runMain(entries[entry]);
