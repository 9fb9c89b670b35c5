export * from "./closure.ts";
export type * from "./shapes.ts";
