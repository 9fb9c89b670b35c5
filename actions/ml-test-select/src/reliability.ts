/** What the reader sees of stated probabilities: beside what was stated, what came. */
import { table } from "@goatnote/action-io";
import type { ReliabilityBin } from "@goatnote/test-selection";

export const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;

/** A table of stated and observed failure rates; empty where no probability was stated. */
export function reliability(bins: readonly ReliabilityBin[], ece: number | null): string {
  if (ece === null) return "";
  const rows = bins
    .filter(({ tests }) => tests > 0)
    .map(({ tests, expected, failed }) => [
      percent(expected / tests),
      percent(failed / tests),
      String(Math.round(tests)),
    ]);
  return `\nStated probabilities were off by ${percent(ece)} in the mean (expected calibration error):\n\n${table(["stated", "failed", "tests"], rows)}`;
}
