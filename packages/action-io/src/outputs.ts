/** Outputs, in the runner's form. */
import { setOutput, warning } from "@actions/core";

// GitHub refuses a job whose outputs exceed 1 MB, counted in UTF-16.
const limit = 500_000;

/**
 * Sets the outputs of the action. Numbers and booleans become text, objects JSON, null an empty text.
 * A value that would break the job's limit is left empty, with a warning that names it.
 */
export function setOutputs(values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) {
    const text =
      value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    if (text.length > limit)
      warning(
        `Output \`${name}\` has ${text.length} characters, more than the ${limit} a job can pass on, and is left empty. Use the file outputs instead.`,
      );
    setOutput(name, text.length > limit ? "" : text);
  }
}
