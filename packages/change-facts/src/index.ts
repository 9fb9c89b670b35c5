export * from "./ancestors.ts";
export * from "./changed-together.ts";
export * from "./committed-files.ts";
export { decisionPoints } from "./decision-points.ts";
export { type Change, type ChangedFile, changeBetween, listFiles } from "./diff.ts";
export * from "./event.ts";
export { changeFacts, type FileFacts } from "./facts.ts";
export { GitError } from "./git.ts";
export * from "./resolve.ts";
