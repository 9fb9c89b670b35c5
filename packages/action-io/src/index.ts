export * from "./annotations.ts";
export * from "./context.ts";
export * from "./inputs.ts";
export * from "./log.ts";
export * from "./outcome.ts";
export * from "./outputs.ts";
export { redact, registerSecret, registerSecrets } from "./secrets.ts";
export * from "./subprocess.ts";
export * from "./summary.ts";
