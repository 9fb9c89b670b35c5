import { describe, expect, test } from "vitest";
import { sampleRows } from "../../../test/lightgbm.ts";
import { type Data, type Options, train } from "./index.ts";
import { trainInThreads } from "./threads.ts";

const data = sampleRows(9000, 13, 1); // more than are summed at once

describe("more threads train the same model", () => {
  const weights = Float64Array.from(data.labels, (_, row) => row % 3);
  const allLikeTheFirst = data.features.map((_, at) => data.features[at - (at % 13)]!);
  const stopping = { trees: 300, learningRate: 0.3, validation: sampleRows(2000, 13, 2), earlyStopping: 5 };

  test.each<[string, number, Data, Partial<Options>]>([
    ["all rows and features", 2, data, { trees: 10 }],
    ["three threads", 3, data, { trees: 5 }],
    ["more threads than columns", 9, sampleRows(500, 7, 1), { trees: 20 }],
    ["more threads than rows", 7, sampleRows(5, 7, 3), { trees: 5, minChildWeight: 0 }],
    ["samples of rows and of features", 2, data, { trees: 20, subsample: 0.6, featureFraction: 0.2 }],
    ["weights and early stopping", 2, { ...data, weights }, stopping],
    ["columns that are alike, whose splits are equally good", 2, { ...data, features: allLikeTheFirst }, { trees: 10 }],
    ["nothing to learn", 2, { ...data, labels: new Uint8Array(9000) }, {}],
    ["numbers of 32 bits", 2, { ...data, features: Float32Array.from(data.features) }, { trees: 10 }],
  ])("%s", async (name, threads, rows, options) => {
    const model = train(rows, options);
    if (name !== "nothing to learn") expect(model.left.some((child) => child > 0)).toBe(true);
    expect(await trainInThreads(rows, threads, options)).toEqual(model);
  });
});

test("what is refused is refused in words, here or in a thread", async () => {
  await expect(trainInThreads(data, 0)).rejects.toThrow("threads is 0; allowed is a whole number from 1.");
  await expect(trainInThreads(data, 2, { bins: 256 })).rejects.toThrow("bins is 256");
  const weightless = { ...data, weights: new Float64Array(9000) };
  await expect(trainInThreads(weightless, 2)).rejects.toThrow("all weights are 0");
});
