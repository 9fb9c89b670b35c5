export * from "./cyclonedx.ts";
export type { About } from "./document.ts";
export * from "./inventory.ts";
export * from "./meta.ts";
export * from "./spdx.ts";
