/** Lines of the log that hold data of strangers. */
import { info } from "@actions/core";
import { redact } from "./secrets.ts";

/**
 * Text as one line in which the runner finds no command. It reads `::command::` at the begin of a line, and the older
 * `##[command]` anywhere in it: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
 */
export function oneLine(text: string): string {
  return text
    .replace(/[\r\n\t\u2028\u2029]+/g, " ")
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, "")
    .replaceAll("##[", "## [")
    .replace(/^([\s\ufeff]*:):/, "$1 :");
}

/** Writes one line to the log, without secrets; nothing in it is a command. */
export function say(text: string): void {
  info(oneLine(redact(text)));
}

/** Calls `tell` at most every so many seconds: progress of long work. */
export function everySeconds<Args extends unknown[]>(
  seconds: number,
  tell: (...args: Args) => void,
): (...args: Args) => void {
  let last = performance.now();
  return (...args) => {
    if (performance.now() - last < seconds * 1000) return;
    last = performance.now();
    tell(...args);
  };
}
