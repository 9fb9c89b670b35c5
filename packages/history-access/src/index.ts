export { uploadFile } from "./github.ts";
export * from "./history.ts";
export * from "./inputs.ts";
