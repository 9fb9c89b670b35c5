export { HistoryError, type Intern, interner } from "./checks.ts";
export * from "./file-store.ts";
export * from "./flaky.ts";
export * from "./history-file.ts";
export * from "./identity.ts";
export * from "./model.ts";
export * from "./segment.ts";
export * from "./store.ts";
export * from "./validate.ts";
