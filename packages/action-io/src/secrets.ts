/** Values that must be in no message: registered where they are read, taken out where text leaves the process. */
import { setSecret } from "@actions/core";

const secrets = new Set<string>();

/** Masks a value in the runner's log, and in every message that goes through `redact`. Empty values are ignored. */
export function registerSecret(value: string): void {
  if (value === "" || secrets.has(value)) return;
  secrets.add(value);
  // Outside the runner nobody reads the mask command, and printing it would show the value.
  if (process.env.GITHUB_ACTIONS === "true") setSecret(value);
}

/** The text with every registered secret, and the user part of every URL, replaced by `***`. */
export function redact(text: string): string {
  let clean = text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, "$1***@");
  for (const secret of secrets) clean = clean.replaceAll(secret, "***");
  return clean;
}
