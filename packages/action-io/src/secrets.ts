/** Values that must be in no message: registered where they are read, taken out where text leaves the process. */
import { setSecret } from "@actions/core";

const secrets = new Set<string>();
let longestFirst: string[] | undefined;
// The runner masks each line of a value too; shorter ones are brackets and the like.
const shortestLine = 8;

/** Masks a value and its lines in the runner's log, and in every message that goes through `redact`. Empty values are ignored. */
export function registerSecret(value: string): void {
  if (value === "" || secrets.has(value)) return;
  const lines = value.split(/[\r\n]+/).map((line) => line.trim());
  for (const part of [value, ...lines.filter((line) => line.length >= shortestLine)]) secrets.add(part);
  longestFirst = undefined;
  // Outside the runner nobody reads the mask command, and printing it would show the value.
  if (process.env.GITHUB_ACTIONS === "true") setSecret(value);
}

/** The text with every registered secret, and the user part of every URL, replaced by `***`. */
export function redact(text: string): string {
  // Taking out a part of a secret first would leave the rest of it.
  longestFirst ??= [...secrets].sort((a, b) => b.length - a.length);
  let clean = text;
  for (const secret of longestFirst) clean = clean.replaceAll(secret, "***");
  return clean.replace(/:\/\/[^\s/?#]+@/g, "://***@");
}
