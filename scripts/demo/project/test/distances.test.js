import { expect, test } from "vitest";
import { convert } from "../src/units.js";

test("kilometres", () => expect(convert(1500, "m", "km")).toBe(1.5));
test("a light year in astronomical units", () => expect(convert(1, "ly", "au")).toBeCloseTo(63_241.077, 3));
test("unknown units are refused", () => expect(() => convert(1, "m", "mile")).toThrow("unknown unit mile"));
