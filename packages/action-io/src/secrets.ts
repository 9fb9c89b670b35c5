/** Values that must be in no message: registered where they are read, taken out where text leaves the process. */
import { EOL } from "node:os";
import { setSecret } from "@actions/core";

const secrets = new Set<string>();
let longestFirst: string[] | undefined;
// The runner masks each line of a value too; shorter ones are brackets and the like.
const shortestLine = 8;

/** Masks a value and its lines in the runner's log, and in every message that goes through `redact`. Empty values are ignored. */
export function registerSecret(value: string): void {
  if (value === "" || secrets.has(value)) return;
  note(value);
  // Outside the runner nobody reads the mask command, and printing it would show the value.
  if (process.env.GITHUB_ACTIONS === "true") setSecret(value);
}

/** The same for many values at once, in one write. */
export function registerSecrets(values: Iterable<string>): void {
  const fresh = [...new Set(values)].filter((value) => value !== "" && !secrets.has(value));
  for (const value of fresh) note(value);
  if (process.env.GITHUB_ACTIONS !== "true" || fresh.length === 0) return;
  // As setSecret writes it, which takes one write for each: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
  const escaped = (value: string): string =>
    value.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  process.stdout.write(fresh.map((value) => `::add-mask::${escaped(value)}${EOL}`).join(""));
}

function note(value: string): void {
  secrets.add(value);
  longestFirst = undefined;
  if (!/[\r\n]/.test(value)) return;
  for (const line of value.split(/[\r\n]+/)) if (line.trim().length >= shortestLine) secrets.add(line.trim());
}

/** The text with every registered secret, and the user part of every URL, replaced by `***`. */
export function redact(text: string): string {
  // Taking out a part of a secret first would leave the rest of it.
  longestFirst ??= [...secrets].sort((a, b) => b.length - a.length);
  let clean = text;
  for (const secret of longestFirst) clean = clean.replaceAll(secret, "***");
  return clean.replace(/:\/\/[^\s/?#]+@/g, "://***@");
}
