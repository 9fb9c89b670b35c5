import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { areaUnderCurve, sampleRows } from "../../../test/lightgbm.ts";
import {
  type Data,
  fromJSON,
  gainImportance,
  type Options,
  permutationImportance,
  probability,
  score,
  toJSON,
  train,
} from "./index.ts";
import { logLoss } from "./log-loss.ts";

const repeat = (rows: number[][], labels: number[], times: number): Data => ({
  features: Float64Array.from(Array.from({ length: times }, () => rows.flat()).flat()),
  columns: rows[0]!.length,
  labels: Float64Array.from(Array.from({ length: times }, () => labels).flat()),
});

describe("what is learnt", () => {
  test("one leaf is the Newton step, by hand", () => {
    const data = repeat([[1], [2]], [0, 1], 50);
    const model = train(data, { trees: 1, depth: 1, lambda: 1, learningRate: 0.5 });
    // From odds of 0: 50 rows with first derivative ±1/2 and second 1/4 on each side.
    const step = (0.5 * 25) / (12.5 + 1);
    const [low, high] = score(model, Float64Array.of(1, 2), 1);
    expect(low).toBeCloseTo(-step, 12);
    expect(high).toBeCloseTo(step, 12);
    expect(model.threshold[0]).toBe(1.5);
  });

  test("the exclusive or of two features, which no single split tells", () => {
    const rows = [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [1, 1],
    ];
    const model = train(repeat(rows, [0, 1, 1, 0, 0], 40), { trees: 60, depth: 2 });
    const odds = Array.from(probability(model, Float64Array.from(rows.flat()), 2), Math.round);
    expect(odds).toEqual([0, 1, 1, 0, 0]);
  });

  test.each([
    ["low", [1, 0, 1], 1],
    ["high", [0, 1, 1], 1],
    ["low, of class 0", [0, 1, 0], 0],
  ])("a missing value goes with what it is like: %s", (_, labels, expected) => {
    const model = train(repeat([[1], [2], [Number.NaN]], labels, 40), { trees: 40, depth: 2 });
    expect(Math.round(probability(model, Float64Array.of(Number.NaN), 1)[0]!)).toBe(expected);
  });

  test("a value that was never missing goes the way of most rows when it is", () => {
    const model = train(repeat([[1], [2], [2], [2]], [0, 1, 1, 1], 40), { trees: 5, depth: 1 });
    const [missing, high] = score(model, Float64Array.of(Number.NaN, 2), 1);
    expect(missing).toBe(high);
  });

  test("a weight of 3 is three rows", () => {
    const { features, columns, labels } = sampleRows(400, 6, 3);
    const weights = Float64Array.from(labels, (_, row) => (row % 4 === 0 ? 3 : 1));
    const rows = [...weights].flatMap((weight, row) => Array.from({ length: weight }, () => row));
    const tripled = {
      features: Float64Array.from(rows.flatMap((row) => [...features.subarray(row * columns, (row + 1) * columns)])),
      columns,
      labels: Uint8Array.from(rows, (row) => labels[row]!),
    };
    const weighted = score(train({ features, columns, labels, weights }, { trees: 1, depth: 2 }), features, columns);
    const repeated = score(train(tripled, { trees: 1, depth: 2 }), features, columns);
    for (const [row, odds] of weighted.entries()) expect(odds).toBeCloseTo(repeated[row]!, 9);
  });

  test("soft labels: a share of 0.3 is foretold as 0.3", () => {
    const model = train(repeat([[1], [2]], [0.3, 0.9], 50), { trees: 200, depth: 1, lambda: 0 });
    const [low, high] = probability(model, Float64Array.of(1, 2), 1);
    expect(low).toBeCloseTo(0.3, 3);
    expect(high).toBeCloseTo(0.9, 3);
  });

  test("labels that are all alike make a model without trees", () => {
    const model = train(repeat([[1], [2]], [0, 0], 20));
    expect(model.roots.length).toBe(0);
    expect(probability(model, Float64Array.of(1), 1)[0]).toBeLessThan(1e-6);
  });

  test("leaves and splits keep their weight, and trees their depth", () => {
    const data = sampleRows(3000, 6, 5);
    const { left, roots } = train(data, { trees: 10, depth: 3 });
    const sizes = Array.from(roots, (root, tree) => (roots[tree + 1] ?? left.length) - root);
    expect(Math.max(...sizes)).toBe(15);
    expect(train(data, { trees: 10, depth: 3, minChildWeight: 1e6 }).roots.length).toBe(0);
  });
});

test("early stopping keeps the trees that were best on the validation rows", () => {
  const data = sampleRows(600, 8, 1);
  const validation = sampleRows(600, 8, 2);
  const options = { trees: 400, learningRate: 0.3, seed: 3 };
  const stopped = train(data, { ...options, validation, earlyStopping: 20 });
  const { length } = stopped.roots;
  expect(length).toBeGreaterThan(0);
  expect(length).toBeLessThan(100);
  const whole = train(data, { ...options, trees: length + 20 });
  const losses = Array.from(whole.roots, (_, tree) =>
    logLoss(score({ ...whole, roots: whole.roots.slice(0, tree + 1) }, validation.features, 8), validation),
  );
  expect(losses.length).toBe(length + 20);
  expect(train(data, { ...options, trees: length })).toEqual(stopped); // so is each beginning of the whole a training
  expect(losses.indexOf(Math.min(...losses)) + 1).toBe(length);
});

test("samples of rows and features teach too, and another seed is another model", () => {
  const data = sampleRows(4000, 12, 1);
  const later = sampleRows(4000, 12, 2);
  const options = { trees: 60, subsample: 0.5, featureFraction: 0.5 };
  const [first, again, other] = [1, 1, 2].map((seed) => score(train(data, { ...options, seed }), later.features, 12));
  expect(areaUnderCurve(first!, later.labels)).toBeGreaterThan(0.8);
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
});

test("the same model to the last bit as on any machine", () => {
  const { features } = sampleRows(64, 12, 2);
  const model = train(sampleRows(20_000, 12, 1), { trees: 30, subsample: 0.8, featureFraction: 0.7, seed: 5 });
  const odds = score(model, features, 12);
  expect([odds[0], odds[31], odds[63]]).toMatchInlineSnapshot(`
    [
      -2.1466605908839735,
      -1.494515111557132,
      -2.2976821332916457,
    ]
  `);
});

test("a sum over more rows than are added at once is the sum over all", () => {
  // 20,000 rows are three stretches of packed sums: a carry between the derivatives would show at the root.
  const labels = Uint8Array.from({ length: 20_000 }, (_, row) => (row % 10 === 0 ? 1 : 0));
  const features = Float64Array.from(labels, (label, row) => (row % 100 === 5 ? 1 : label));
  const model = train({ features, columns: 1, labels }, { trees: 1, depth: 1, learningRate: 1, lambda: 0 });
  const second = 0.1 * 0.9;
  const [g, h] = [-2000 * 0.9 + 200 * 0.1, 2200 * second]; // of the 2,200 rows with a 1
  const gain = (g * g) / h + (g * g) / (17_800 * second);
  expect(model.gain[0]! / gain).toBeCloseTo(1, 3);
});

test("scoring is the sum of walks, for any values", () => {
  const model = train(sampleRows(2000, 4, 1), { trees: 8, depth: 4 });
  const walk = (row: Float64Array): number => {
    let odds = model.base;
    for (const root of model.roots) {
      let node = root;
      while (model.left[node] !== 0) {
        const x = row[model.feature[node]!]!;
        const right = Number.isNaN(x) ? model.missingRight[node] === 1 : x > model.threshold[node]!;
        node = model.left[node]! + (right ? 1 : 0);
      }
      odds += model.value[node]!;
    }
    return odds;
  };
  // Up to more rows than go side by side, and with what is left over.
  const rows = fc.float64Array({ minLength: 4, maxLength: 44 }).map((values) => values.slice(values.length % 4));
  const byWalks = (values: Float64Array): number[] =>
    Array.from({ length: values.length / 4 }, (_, row) => walk(values.subarray(4 * row, 4 * row + 4)));
  fc.assert(fc.property(rows, (values) => void expect([...score(model, values, 4)]).toEqual(byWalks(values))));
  const many = sampleRows(1037, 4, 2).features;
  expect([...score(model, many, 4)]).toEqual(byWalks(many));
});

test("the largest weight makes finite leaves and gains, which a file can hold", () => {
  const weights = Float64Array.from({ length: 100 }, (_, row) => (row < 50 ? 1e100 : 1));
  const model = train({ ...repeat([[1], [2]], [0, 1], 50), weights }, { trees: 3, depth: 2 });
  expect(model.left.some((child) => child > 0)).toBe(true);
  expect(fromJSON(JSON.parse(JSON.stringify(toJSON(model))))).toEqual(model);
});

test("importance names the features that matter", () => {
  const { features, columns, labels } = sampleRows(4000, 9, 1);
  const model = train({ features, columns, labels }, { trees: 40 });
  const later = sampleRows(4000, 9, 2);
  const byGain = gainImportance(model);
  const byShuffling = permutationImportance((rows, count) => score(model, rows, count), later);
  expect(byGain.reduce((sum, share) => sum + share)).toBeCloseTo(1, 12);
  for (const importance of [byGain, byShuffling])
    expect(Math.min(...[0, 1, 3].map((feature) => importance[feature]!))).toBeGreaterThan(3 * Math.abs(importance[8]!));
});

describe("refused, by name", () => {
  const good: Data = repeat(
    [
      [1, 2],
      [3, 4],
    ],
    [0, 1],
    5,
  );
  test.each<[string, Partial<Data>, Partial<Options>, RegExp]>([
    ["no rows", { features: new Float64Array(), labels: new Float64Array() }, {}, /no rows/],
    ["rows that do not fit", { columns: 3 }, {}, /20 features are not 10 rows of 3 columns/],
    [
      "infinity",
      { features: good.features.with(5, Number.POSITIVE_INFINITY) as Float64Array },
      {},
      /row 2, column 1 is infinite/,
    ],
    ["a label", { labels: Uint8Array.from({ length: 10 }, (_, row) => row) }, {}, /label of row 2 is 2/],
    ["a weight", { weights: new Float64Array(10).fill(-1) }, {}, /weight of row 0 is -1, not from 0 to 1e\+100/],
    ["a weight beyond all others", { weights: new Float64Array(10).fill(1e101) }, {}, /weight of row 0 is 1e\+101/],
    ["no weight at all", { weights: new Float64Array(10) }, {}, /all weights are 0/],
    ["an option", {}, { bins: 256 }, /bins is 256; allowed is a whole number from 2 to 255/],
    ["a missing option", {}, { depth: Number.NaN }, /depth is NaN/],
    ["validation of other columns", {}, { validation: repeat([[1]], [1], 3) }, /validation has 1 columns/],
    ["early stopping on nothing", {}, { earlyStopping: 3 }, /needs validation rows/],
  ])("%s", (_, data, options, message) => {
    expect(() => train({ ...good, ...data }, options)).toThrow(message);
  });

  test("rows of other columns than the model's", () => {
    expect(() => score(train(good), new Float64Array(3), 3)).toThrow(/3 columns, the model was trained on 2/);
    expect(() => score(train(good), new Float64Array(3), 2)).toThrow(/not whole rows/);
  });
});
