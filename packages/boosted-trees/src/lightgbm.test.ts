import { expect, test } from "vitest";
import { areaUnderCurve, lightgbm, sampleRows } from "../../../test/lightgbm.ts";
import { describeWithPeer } from "../../../test/peers.ts";
import { score, train } from "./index.ts";

describeWithPeer("lightgbm", (python) => {
  test.each([
    ["rows enough", 20_000],
    ["few rows", 2000],
  ])("as good as LightGBM on %s", (_, rows) => {
    const data = sampleRows(rows, 12, 7);
    const later = sampleRows(50_000, 12, 8);
    const ours = areaUnderCurve(score(train(data), later.features, 12), later.labels);
    const theirs = areaUnderCurve(lightgbm(python, data, later.features).scores, later.labels);
    expect(theirs).toBeGreaterThan(0.8); // something was learnt
    expect(ours).toBeGreaterThan(theirs - 0.003);
    if (rows > 10_000) expect(ours).toBeLessThan(theirs + 0.003);
  });
});
