/** The log while it builds: one folded group per derivation, in the order in which they end, and progress in between. */
import { endGroup, startGroup } from "@actions/core";
import { everySeconds, oneLine, redact, say, seconds } from "@goatnote/action-io";
import { type BuildEvent, type BuiltDerivation, nameOf } from "@goatnote/nix-store";

const keptLines = 2000;
const named = (derivation: string): string => nameOf(derivation).replace(/\.drv$/, "");

/** Follows events. A group cannot be open while another one is written, so lines are kept until their derivation ends. */
export function follow(): (event: BuildEvent) => void {
  const lines = new Map<string, string[]>();
  const heartbeat = everySeconds(10, (done: number, expected: number) =>
    say(`${done} of ${expected} derivations are built; running: ${[...lines.keys()].map(named).join(", ") || "none"}`),
  );
  return (event) => {
    if (event.kind === "start") lines.set(event.derivation, []);
    else if (event.kind === "log") {
      const kept = lines.get(event.derivation) ?? [];
      kept.push(event.line);
      if (kept.length > keptLines) kept.shift();
    } else if (event.kind === "stop") {
      startGroup(oneLine(redact(`${named(event.derivation)} (${seconds(event.seconds)})`)));
      for (const line of lines.get(event.derivation) ?? []) say(line);
      endGroup();
      lines.delete(event.derivation);
    } else if (event.kind === "progress") heartbeat(event.done, event.expected);
    else if (event.kind === "message" && event.level <= 1) say(event.text);
  };
}

/** The failing derivations once more, last and unfolded. */
export function tellFailures(built: readonly BuiltDerivation[]): void {
  for (const { derivation, log, failed } of built) {
    if (!failed) continue;
    say(`----- ${named(derivation)} failed; its last lines:`);
    for (const line of log.slice(-25)) say(line);
  }
}
