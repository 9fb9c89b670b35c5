/** Values that must be in no message: registered where they are read, taken out where text leaves the process. */
import { setSecret } from "@actions/core";

// Longest first: taking out a part of a secret would leave the rest of it.
let secrets: string[] = [];
// The runner masks each line of a value too; shorter ones are brackets and the like.
const shortestLine = 8;

/** Masks a value and its lines in the runner's log, and in every message that goes through `redact`. Empty values are ignored. */
export function registerSecret(value: string): void {
  if (value === "" || secrets.includes(value)) return;
  const lines = value.split(/[\r\n]+/).map((line) => line.trim());
  secrets = [...new Set([...secrets, value, ...lines.filter((line) => line.length >= shortestLine)])];
  secrets.sort((a, b) => b.length - a.length);
  // Outside the runner nobody reads the mask command, and printing it would show the value.
  if (process.env.GITHUB_ACTIONS === "true") setSecret(value);
}

/** The text with every registered secret, and the user part of every URL, replaced by `***`. */
export function redact(text: string): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, "***");
  return clean.replace(/:\/\/[^\s/?#]+@/g, "://***@");
}
