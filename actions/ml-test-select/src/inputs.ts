import {
  boolean,
  declareInputs,
  duration,
  type Field,
  lines,
  number,
  oneOf,
  required,
  text,
} from "@goatnote/action-io";
import { storeInputs } from "@goatnote/history-access";

export const mainInputs = declareInputs({
  tests: text("a file path"),
  runner: oneOf("none", "pytest", "vitest", "jest", "node-test", "go-test"),
  "target-recall": number({ min: 0.5, max: 0.999 }),
  "time-budget": duration(),
  "max-fraction": number({ min: 0, max: 1 }),
  "min-tests": number({ min: 1, max: 1_000_000, integer: true }),
  "always-run": lines("globs or ids, one per line"),
  "run-all-when": lines("globs, one per line"),
  explore: number({ min: 0, max: 1 }),
  mode: oneOf("select", "prioritize", "observe"),
  shards: number({ min: 1, max: 256, integer: true }),
  "opt-out-label": text("a label"),
  seed: text(),
  base: text("a commit"),
  model: text("a file path"),
  ...storeInputs,
});

export const execInputs = declareInputs({
  plan: required(text("a file path")),
  runner: required(oneOf("pytest", "vitest", "jest", "node-test", "go-test")),
  shard: number({ min: 1, max: 256, integer: true }),
  command: lines("a program and its arguments, one per line"),
  args: lines("arguments, one per line"),
  report: text("a file path"),
  "working-directory": text("a folder"),
});

/** Shares, such as `0.1,0.2`, sorted, each once. */
const shares: Field<number[]> = {
  ...text("numbers above 0 and up to 1, separated by commas"),
  empty: [],
  parse: (value) => {
    const numbers = value.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
    return numbers.every((share) => share > 0 && share <= 1) ? [...new Set(numbers)].sort((a, b) => a - b) : undefined;
  },
};

export const trainInputs = declareInputs({ ...storeInputs, force: boolean(), output: text("a folder") });

export const replayInputs = declareInputs({
  history: text("a file path"),
  "evaluate-from": number({ min: 0, max: 0.95 }),
  budgets: shares,
  "target-recall": number({ min: 0.5, max: 0.999 }),
  ...storeInputs,
  output: text("a file path"),
});
