export * from "./data.ts";
export * from "./importance.ts";
export * from "./model.ts";
export { fromJSON, ModelError, type ModelJSON, toJSON } from "./model-json.ts";
export { defaults, type Options } from "./options.ts";
export * from "./score.ts";
export * from "./train.ts";
