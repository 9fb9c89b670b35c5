export * from "./choose.ts";
export { isReference, type Outcome, outcomes } from "./outcomes.ts";
export * from "./past.ts";
export * from "./plan.ts";
export * from "./recall.ts";
export * from "./replay.ts";
export * from "./runners/index.ts";
export { type Score, type Signal, scoreAll, weights } from "./score.ts";
export type { Situation, Wishes } from "./situation.ts";
