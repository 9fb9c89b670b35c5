import { boolean, declareInputs, lines, number, oneOf, required, text } from "@goatnote/action-io";
import { storeInputs } from "@goatnote/history-access";

export const mainInputs = declareInputs({
  paths: required(lines("glob patterns, one per line")),
  format: oneOf("auto", "junit"),
  "time-unit": oneOf("auto", "s", "ms"),
  variant: text(),
  plan: text("a file path"),
  ...storeInputs,
  "require-tests": boolean(),
  "fail-on-invalid": boolean(),
  "include-messages": oneOf("none", "type", "first-line"),
  "max-records": number({ min: 1, max: 1_000_000, integer: true }),
});

export const recordInputs = declareInputs(storeInputs);

export const exportInputs = declareInputs({ ...storeInputs, output: required(text("a file path")) });
