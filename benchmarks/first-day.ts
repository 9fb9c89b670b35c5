/**
 * How well the sources alone order tests, when no run is recorded yet: failing runs of histories that recorded what their sources
 * said, each ordered as on a first day. Tests are counted, since no duration is known then.
 *
 *   node benchmarks/first-day.ts <history.ndjson[.gz|.zst]>...
 *
 * Prints for each history the mean APFD and the share of failing runs with a failing test among the first fifth: in order of
 * names, by imports, and by imports and text; and the difference in APFD that the text makes, with the interval that
 * resampling the failing runs gives it (paired bootstrap, 95 %).
 */
import { basename } from "node:path";
import { readHistory } from "@goatnote/ci-history";
import { isReference, outcomes } from "@goatnote/test-selection";
import { type SourceLinks, sourcesOf } from "../packages/test-selection/src/links.ts";
import { apfd, failuresWithin, type Ordered } from "../packages/test-selection/src/metrics.ts";
import { pairedBootstrap } from "../packages/test-selection/src/paired-bootstrap.ts";
import { wholeRuns } from "../packages/test-selection/src/past.ts";
import { linksInSources } from "../packages/test-selection/src/sources.ts";

const views: Record<string, (sources: SourceLinks) => SourceLinks | null> = {
  names: () => null,
  imports: (sources) => ({ ...sources, texts: null }),
  "imports and text": (sources) => sources,
};

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

for (const path of process.argv.slice(2)) {
  const judged = Object.fromEntries(
    Object.keys(views).map((name) => [name, { apfd: [] as number[], caught: [] as number[] }]),
  );
  for await (const run of wholeRuns(readHistory(path))) {
    const sources = sourcesOf(run);
    const tests = [...outcomes(run).values()];
    if (!isReference(run) || sources?.texts == null || !tests.some(({ failed }) => failed)) continue;
    for (const [name, view] of Object.entries(views)) {
      const { compare } = linksInSources({ sources: view(sources), companions: null });
      const order = tests.toSorted((a, b) => compare(a, b) || (a.id < b.id ? -1 : 1));
      const failures = order.flatMap(({ failed }, position) => (failed ? [position] : []));
      const ordered: Ordered = { durations: order.map(() => 1), failures };
      judged[name]!.apfd.push(apfd(ordered));
      judged[name]!.caught.push(Number(failuresWithin(ordered, 0.2) > 0));
    }
  }
  const { imports, "imports and text": both } = judged;
  const difference = pairedBootstrap(both!.apfd.map((value, run) => value - imports!.apfd[run]!));
  if (difference === null) {
    console.log(`${basename(path)}: no failing run recorded the text of its tests`);
    continue;
  }
  console.log(`${basename(path)}: ${both!.apfd.length} failing runs`);
  for (const [name, { apfd, caught }] of Object.entries(judged))
    console.log(
      `  ${name.padEnd(18)} APFD ${mean(apfd).toFixed(3)}, caught by the first fifth ${mean(caught).toFixed(2)}`,
    );
  console.log(
    `  text adds ${difference.mean.toFixed(3)} (${difference.low.toFixed(3)} to ${difference.high.toFixed(3)})`,
  );
}
