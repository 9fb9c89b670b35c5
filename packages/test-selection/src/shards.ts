import type { PlannedFile, PlannedTest } from "./plan.ts";

/**
 * Spreads tests over shards, file by file, by falling duration, each file to the shard with the least work so far
 * (longest processing time first). A file is never split, so that a test in it that nobody knows yet runs too.
 * Sets `shard`, from 1.
 */
export function balance(tests: PlannedTest[], files: PlannedFile[], shards: number): void {
  const groups = new Map<string, (PlannedTest | PlannedFile)[]>();
  for (const [file, group] of Map.groupBy(tests, (test) => test.file ?? test.id)) groups.set(file, [...group]);
  for (const file of files) groups.set(file.path, [...(groups.get(file.path) ?? []), file]);
  // A millisecond for each entry spreads what has no duration.
  const duration = (group: (PlannedTest | PlannedFile)[]): number =>
    group.reduce(
      (sum, entry) => sum + ("duration_ms" in entry && entry.p_run > 0 ? (entry.duration_ms ?? 0) : 0) + 1,
      0,
    );
  const work = new Array<number>(shards).fill(0);
  for (const group of [...groups.values()].sort((a, b) => duration(b) - duration(a))) {
    const lightest = work.indexOf(Math.min(...work));
    work[lightest] = (work[lightest] ?? 0) + duration(group);
    for (const entry of group) entry.shard = lightest + 1;
  }
}
