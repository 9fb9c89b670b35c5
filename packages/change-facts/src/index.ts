export * from "./ancestors.ts";
export * from "./diff.ts";
export * from "./event.ts";
export { GitError } from "./git.ts";
export * from "./resolve.ts";
