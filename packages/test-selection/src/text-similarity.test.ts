import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { textSimilarities } from "./text-similarity.ts";

const of = (changed: string, texts: Record<string, string | null>) =>
  textSimilarities(changed, new Map(Object.entries(texts)));

describe("the similarity of changed lines and a file of tests", () => {
  test("is the cosine of their identifiers, by tf-idf", () => {
    // Of three files: `fit` is in one (ln 4), `load` in two (ln 2), both once; `plot` in none, so that it weighs nothing.
    const found = of("fit(load, plot)", { a: "fit load", b: "load", c: "other" });
    const [fit, load] = [Math.log(4), Math.log(2)];
    expect(found.get("a")).toEqual({ similarity: 1, shared: ["fit", "load"] });
    expect(found.get("b")!.similarity).toBeCloseTo(load / Math.hypot(fit, load), 3);
    expect(found.has("c")).toBe(false);
  });

  test("counts an identifier that comes again for more, by its logarithm", () => {
    const found = of("fit fit load", { a: "fit load", b: "other" });
    const twice = 1 + Math.log(2);
    expect(found.get("a")!.similarity).toBeCloseTo((twice + 1) / (Math.hypot(twice, 1) * Math.hypot(1, 1)), 3);
  });

  test("takes identifiers of every alphabet as they stand, from three characters on", () => {
    const found = of("größe of_it $x9", { a: "größe", b: "of", c: "OF_IT", d: "f($x9)" });
    expect([...found].map(([path, { shared }]) => [path, shared])).toEqual([
      ["a", ["größe"]],
      ["d", ["$x9"]],
    ]);
  });

  test("says the three identifiers that tell most, and is 1 for a file that cannot be read", () => {
    const found = of("alpha beta gamma delta", { a: "alpha beta gamma delta", b: "delta", c: null });
    expect(found.get("a")!.shared).toEqual(["alpha", "beta", "gamma"]);
    expect(found.get("c")).toEqual({ similarity: 1 });
  });

  test("is from 0 to 1 in thousandths, and nothing hangs on the order of files", () => {
    const text = fc
      .array(fc.constantFrom("one", "two", "three", "four", "five"), { maxLength: 9 })
      .map((all) => all.join(" "));
    fc.assert(
      fc.property(text, fc.dictionary(fc.constantFrom("a", "b", "c", "d"), text), (changed, texts) => {
        const found = of(changed, texts);
        for (const { similarity } of found.values()) {
          expect(similarity).toBeGreaterThan(0);
          expect(similarity).toBeLessThanOrEqual(1);
          expect(Math.round(similarity * 1000)).toBeCloseTo(similarity * 1000, 9);
        }
        const backwards = textSimilarities(changed, new Map(Object.entries(texts).reverse()));
        expect([...backwards].sort()).toEqual([...found].sort());
      }),
    );
  });

  test("stands where lines and files have a hundred thousand identifiers", () => {
    const many = Array.from({ length: 200_000 }, (_, index) => `name${index}`).join(" ");
    expect(of(many, { a: many, b: "name7" }).get("a")!.similarity).toBe(1);
  });
});
