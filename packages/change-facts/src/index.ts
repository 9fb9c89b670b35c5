export * from "./change.ts";
export { GitError } from "./git.ts";
export * from "./resolve.ts";
