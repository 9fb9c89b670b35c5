/** LightGBM, for the test and the benchmark of boosted-trees: the same rows, the same parameters. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Data, defaults } from "@goatnote/boosted-trees";

/** Rows of features that are partly missing, and labels that follow from some of them by steps, sums and a product. */
export function sampleRows(
  rows: number,
  columns: number,
  seed: number,
): Data & { features: Float64Array; labels: Uint8Array } {
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const features = new Float64Array(rows * columns);
  const labels = new Uint8Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const at = row * columns;
    for (let column = 0; column < columns; column += 1) {
      const value = 2 * next() - 1;
      // A third continuous, a third with few values, a third mostly 0, as counts are.
      features[at + column] =
        column % 3 === 0 ? value : column % 3 === 1 ? Math.round(4 * value) : value > 0.8 ? value : 0;
    }
    const x = features.subarray(at, at + columns);
    let odds =
      -2.5 + 1.5 * x[0]! + 0.4 * x[1]! + (x[2]! > 0 ? 1.5 : 0) + 3 * x[3]! * x[6 % columns]! + (x[4]! > 1 ? 1 : -0.5);
    for (let column = 0; column < columns; column += 5)
      if (next() < 0.1) {
        x[column] = Number.NaN;
        if (column === 5) odds += 2; // that it is missing tells something
      }
    labels[row] = next() < 1 / (1 + Math.exp(-odds)) ? 1 : 0;
  }
  return { features, columns, labels };
}

/**
 * Trains LightGBM with our defaults.
 * @param python from `peer("lightgbm")`
 * @returns log odds of the rows of `test`, and the seconds of each round
 */
export function lightgbm(
  python: string,
  { features, columns, labels }: Data,
  test: Float64Array,
  { threads = 1, rounds = 1, trees = defaults.trees, depth = defaults.depth } = {},
): { scores: Float64Array; seconds: number[] } {
  const folder = mkdtempSync(join(tmpdir(), "lightgbm-"));
  const file = (name: string) => join(folder, name);
  try {
    writeFileSync(file("features"), features);
    writeFileSync(file("labels"), labels);
    writeFileSync(file("test"), test);
    const params = {
      objective: "binary",
      num_leaves: 2 ** depth,
      max_depth: depth,
      learning_rate: defaults.learningRate,
      max_bin: defaults.bins,
      lambda_l2: defaults.lambda,
      min_sum_hessian_in_leaf: defaults.minChildWeight,
      min_data_in_leaf: 1,
      num_threads: threads,
      verbosity: -1,
    };
    const files = { features: file("features"), labels: file("labels"), test: file("test"), scores: file("scores") };
    writeFileSync(file("job"), JSON.stringify({ ...files, columns, params, rounds, trees }));
    const script = join(import.meta.dirname, "train_with_lightgbm.py");
    const { seconds } = JSON.parse(execFileSync(python, [script, file("job")], { encoding: "utf8" }));
    const scores = readFileSync(files.scores);
    return {
      scores: new Float64Array(scores.buffer.slice(scores.byteOffset, scores.byteOffset + scores.length)),
      seconds,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Area under the ROC curve: how often a row of class 1 scores above one of class 0, ties half (Mann and Whitney). */
export function areaUnderCurve(scores: Float64Array, labels: ArrayLike<number>): number {
  const order = Array.from(scores, (_, row) => row).sort((a, b) => scores[a]! - scores[b]!);
  let [above, zeros, ones] = [0, 0, 0];
  for (let start = 0; start < order.length; ) {
    let end = start;
    let [tiedOnes, tiedZeros] = [0, 0];
    for (; end < order.length && scores[order[end]!] === scores[order[start]!]; end += 1)
      if (labels[order[end]!] === 1) tiedOnes += 1;
      else tiedZeros += 1;
    above += tiedOnes * (zeros + tiedZeros / 2);
    zeros += tiedZeros;
    ones += tiedOnes;
    start = end;
  }
  return above / (ones * zeros);
}
