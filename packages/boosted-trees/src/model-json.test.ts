import { expect, test } from "vitest";
import { sampleRows } from "../../../test/lightgbm.ts";
import { fromJSON, ModelError, type ModelJSON, score, toJSON, train } from "./index.ts";

const { features, columns, labels } = sampleRows(500, 6, 1);
const model = train({ features, columns, labels }, { trees: 5, depth: 3 });
const json = (): ModelJSON => JSON.parse(JSON.stringify(toJSON(model)));

test("written and read, it is the same model", () => {
  const read = fromJSON(json());
  expect(read).toEqual(model);
  expect(score(read, features, columns)).toEqual(score(model, features, columns));
});

test("a model without trees", () => {
  const empty = train({ features, columns, labels: new Uint8Array(500) });
  expect(fromJSON(JSON.parse(JSON.stringify(toJSON(empty))))).toEqual(empty);
});

test.each<[string, (broken: ReturnType<typeof JSON.parse>) => void]>([
  ["another version", (broken) => (broken.version = 2)],
  ["another format", (broken) => (broken.format = "xgboost")],
  ["a changed value", (broken) => (broken.value[3] += 1e-9)],
  ["a changed threshold", (broken) => (broken.threshold[0] = 0)],
  ["a missing field", (broken) => delete broken.gain],
  ["a short list", (broken) => broken.threshold.pop()],
  ["a feature that rows lack", (broken) => (broken.feature[0] = 6)],
  ["a node that leads back", (broken) => (broken.left[1] = 1)],
  ["a child outside", (broken) => (broken.left[0] = broken.left.length - 1)],
  ["a root outside", (broken) => (broken.roots[4] = broken.left.length)],
  ["a root twice", (broken) => (broken.roots[1] = broken.roots[0])],
  ["a number as text", (broken) => (broken.base = "0")],
  ["no number", (broken) => (broken.value[0] = null)],
  ["no columns", (broken) => (broken.columns = 0)],
  ["too many columns", (broken) => (broken.columns = 1e9)],
  ["an object for a list", (broken) => (broken.value = { length: broken.value.length })],
  ["no checksum", (broken) => delete broken.checksum],
])("refused: %s", (_, harm) => {
  const broken = json();
  harm(broken);
  expect(() => fromJSON(broken)).toThrow(ModelError);
});

test("refused even with a checksum that fits: a walk without end", () => {
  const circle = { ...model, left: model.left.slice() };
  circle.left[circle.left.length - 1] = circle.left.length - 2;
  expect(() => fromJSON(toJSON(circle))).toThrow(/leads back/);
});

test.each([[null], [undefined], ["{}"], [7], [[]], [{}]])("refused: %j", (value) => {
  expect(() => fromJSON(value)).toThrow(ModelError);
});

test("fields are its own, not its prototype's", () => {
  expect(() => fromJSON(Object.create(json()))).toThrow(ModelError);
  expect(() => fromJSON(JSON.parse(`{"__proto__":${JSON.stringify(toJSON(model))}}`))).toThrow(ModelError);
});
