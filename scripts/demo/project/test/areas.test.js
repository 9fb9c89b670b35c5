import { expect, test } from "vitest";
import { monteCarlo, simpson } from "../src/integrate.js";
import { generator } from "../src/random.js";

test("simpson is exact for cubics", () => expect(simpson((x) => x ** 3, 0, 2, 2)).toBeCloseTo(4, 12));
test("simpson over the sine", () => expect(simpson(Math.sin, 0, Math.PI)).toBeCloseTo(2, 10));
test("monte carlo comes within 0.1 % with 100 million samples", () => {
  expect(Math.abs(monteCarlo((x) => x * x, 0, 1, 1e8, generator(42)) - 1 / 3)).toBeLessThan(1e-3);
});
