/** What verifying needs, which is loaded when it is needed. */
export * from "./aging.ts";
export * from "./bundle.ts";
export * from "./predicate-rules.ts";
export * from "./stands-for.ts";
export * from "./trusted-root.ts";
export * from "./verify.ts";
