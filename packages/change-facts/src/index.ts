export * from "./diff.ts";
export { GitError } from "./git.ts";
export * from "./resolve.ts";
