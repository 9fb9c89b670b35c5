/** Values that must be in no message: registered where they are read, taken out where text leaves the process. */
import { writeSync } from "node:fs";
import { EOL } from "node:os";

const secrets = new Set<string>();
let longestFirst: string[] | undefined;
// The runner masks each line of a value too; shorter ones are brackets and the like.
const shortestLine = 8;

/** Masks a value and its lines in the runner's log, and in every message that goes through `redact`. Empty values are ignored. */
export const registerSecret = (value: string): void => registerSecrets([value]);

/** The same for many values at once. When it returns, the runner's pipe has taken every mask. */
export function registerSecrets(values: Iterable<string>): void {
  const fresh = [...new Set(values)].filter((value) => value !== "" && !secrets.has(value));
  for (const value of fresh) note(value);
  // Outside the runner nobody reads the mask command, and printing it would show the value.
  if (process.env.GITHUB_ACTIONS !== "true" || fresh.length === 0) return;
  // As setSecret of the toolkit writes it: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
  const escaped = (value: string): string =>
    value.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  // What still waits in the stream may have ended within a line, in which the runner would find no command.
  const begin = process.stdout.writableLength > 0 ? EOL : "";
  // In pieces, as a text of all may be longer than a string can be.
  let piece = begin;
  for (const value of fresh) {
    piece += `::add-mask::${escaped(value)}${EOL}`;
    if (piece.length < 1_000_000) continue;
    writeNow(piece);
    piece = "";
  }
  writeNow(piece);
}

/**
 * Writes to standard output and waits until all of it is in the pipe. The stream keeps what a full pipe does not take, and
 * loses it when the process ends or is replaced; masks would be lost, or come after the values.
 */
function writeNow(text: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
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
