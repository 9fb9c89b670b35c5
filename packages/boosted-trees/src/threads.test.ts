import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
    ["deep trees, of more nodes than are split at once", 2, data, { trees: 3, depth: 12, minChildWeight: 0 }],
    ["so many columns that fewer nodes are split at once", 2, sampleRows(600, 70, 1), { trees: 3, minChildWeight: 0 }],
    ["a single node at once", 2, sampleRows(300, 200, 1), { trees: 3, minChildWeight: 0 }],
    ["stumps", 2, data, { trees: 10, depth: 1 }],
    ["three threads", 3, data, { trees: 5 }],
    ["more threads than columns", 9, sampleRows(500, 7, 1), { trees: 20 }],
    ["more threads than rows", 7, sampleRows(5, 7, 3), { trees: 5, minChildWeight: 0 }],
    ["samples of rows and of features", 2, data, { trees: 20, subsample: 0.6, featureFraction: 0.2 }],
    ["weights and early stopping", 2, { ...data, weights }, stopping],
    ["columns that are alike, whose splits are equally good", 2, { ...data, features: allLikeTheFirst }, { trees: 10 }],
    ["nothing to learn", 2, { ...data, labels: new Uint8Array(9000) }, {}],
    ["labels in a Buffer", 2, { ...data, labels: Buffer.from(data.labels) }, { trees: 3 }],
    ["numbers of 32 bits", 2, { ...data, features: Float32Array.from(data.features) }, { trees: 10 }],
  ])("%s", async (name, threads, rows, options) => {
    const model = train(rows, options);
    if (name !== "nothing to learn") expect(model.left.some((child) => child > 0)).toBe(true);
    expect(await trainInThreads(rows, threads, options)).toEqual(model);
  });
});

test("a thread that fails ends the others, which wait for it, and the training", () => {
  const folder = mkdtempSync(join(tmpdir(), "threads-"));
  const broken = join(folder, "broken.cjs");
  writeFileSync(broken, `if (require("node:worker_threads").threadId === 2) throw new Error("broken");`);
  const body = `
    import { trainInThreads } from ${JSON.stringify(import.meta.resolve("./threads.ts"))};
    const data = { features: new Float64Array(4000).map((_, at) => at % 7), columns: 4, labels: new Uint8Array(1000) };
    await trainInThreads(data, 3).catch(({ message }) => console.log("ended:", message));`;
  try {
    writeFileSync(join(folder, "train.mjs"), body);
    const argv = ["--require", broken, join(folder, "train.mjs")];
    expect(execFileSync(process.execPath, argv, { encoding: "utf8", timeout: 180_000 })).toBe("ended: broken\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what is refused is refused in words", async () => {
  await expect(trainInThreads(data, 0)).rejects.toThrow("threads is 0; allowed is a whole number from 1.");
  await expect(trainInThreads(data, 2, { bins: 256 })).rejects.toThrow("bins is 256");
  const weightless = { ...data, weights: new Float64Array(9000) };
  await expect(trainInThreads(weightless, 2)).rejects.toThrow("all weights are 0");
});
