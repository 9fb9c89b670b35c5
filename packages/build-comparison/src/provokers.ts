/** Which variations bring a finding about, found by building again, and believed only when it happens twice. */
import { keyOf } from "./cause/explain.ts";
import { refineCauses, settleCauses } from "./cause/refine.ts";
import type { Explained } from "./check.ts";
import { findCulprits } from "./vary/groups.ts";
import type { VariationName } from "./vary/variations.ts";

/**
 * Builds again without any variation, then with some at a time, and notes on each finding what brings it about. At last it
 * builds once more without any and with each that was found, since what differs only sometimes would be laid on whichever
 * build it happened to show in.
 * @param seen builds with some of the variations; keys of what differs then
 */
export async function findProvokers(
  findings: readonly Explained[],
  all: readonly VariationName[],
  seen: (names: readonly VariationName[]) => Promise<Set<string>>,
): Promise<void> {
  const runs: { names: readonly VariationName[]; found: Set<string> }[] = [];
  const run = async (names: readonly VariationName[]): Promise<Set<string>> => {
    const found = await seen(names);
    runs.push({ names, found });
    return found;
  };
  const bare = await run([]);
  for (const finding of findings) finding.always = bare.has(keyOf(finding));
  const open = findings.filter(({ always }) => !always);
  const wanted = new Set(open.map(keyOf));
  const { alone, together } =
    open.length === 0
      ? { alone: [], together: [] }
      : await findCulprits(all, async (names) => {
          const found = await run(names);
          return [...wanted].some((key) => found.has(key));
        });
  const aloneSaw = (name: VariationName, finding: Explained): boolean =>
    all.length === 1 || runs.some(({ names, found }) => names.join() === name && found.has(keyOf(finding)));
  for (const finding of open) {
    const own = alone.filter((name) => aloneSaw(name, finding));
    finding.provokedBy = own.length > 0 ? own : [...together];
  }

  const bareAgain = await run([]);
  const again = new Map<string, Set<string>>();
  for (const name of alone) again.set(name, await run([name]));
  const rest = open.filter(({ provokedBy }) => !provokedBy.some((name) => alone.includes(name)));
  // What no variation brings about by itself: that all of them do once more is the least.
  const allAgain = rest.length > 0 ? await run(all) : undefined;
  for (const finding of findings) {
    const key = keyOf(finding);
    const { provokedBy } = finding;
    const repeated = finding.always
      ? bareAgain.has(key)
      : !bareAgain.has(key) &&
        (rest.includes(finding)
          ? allAgain!.has(key)
          : provokedBy.every((name) => again.get(name)?.has(key)) &&
            !runs.some(({ names, found }) => found.has(key) && !names.some((name) => provokedBy.includes(name))));
    if (!repeated) Object.assign(finding, { always: false, sometimes: true, provokedBy: [] });
    finding.causes = refineCauses(finding.causes, finding.provokedBy, finding.always || finding.sometimes);
  }
  settleCauses(findings);
}
