import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { textSimilarities } from "./text-similarity.ts";

const of = (changed: string[], texts: Record<string, string | null>) =>
  textSimilarities(changed, new Map(Object.entries(texts)))!;

describe("the similarity of changed lines and a file of tests", () => {
  test("is the cosine of their identifiers, by tf-idf", () => {
    // Of four files: `fit` is in one (ln 5), `load` in two (ln 2.5), both once; `plot` in none, so that it weighs nothing.
    const found = of(["fit(load, plot)"], { a: "fit load", b: "load", c: "other", d: "more" });
    const [fit, load] = [Math.log(5), Math.log(2.5)];
    expect(found.get("a")).toEqual({ similarity: 1, shared: ["fit", "load"] });
    expect(found.get("b")!.similarity).toBeCloseTo(load / Math.hypot(fit, load), 3);
    expect(found.has("c")).toBe(false);
  });

  test("counts an identifier that comes again for more, by its logarithm", () => {
    const found = of(["fit fit load"], { a: "fit load", b: "other" });
    const twice = 1 + Math.log(2);
    expect(found.get("a")!.similarity).toBeCloseTo((twice + 1) / (Math.hypot(twice, 1) * Math.hypot(1, 1)), 3);
  });

  test("is nothing for what more than half of the files have", () => {
    const found = of(["self.fit"], { a: "self fit", b: "self", c: "self", d: "x" });
    expect([...found]).toEqual([["a", { similarity: 1, shared: ["fit"] }]]);
  });

  test("is that of the changed file which is most like the tests: another file in the change makes none less alike", () => {
    const texts = { a: "fit_curve points", b: "load_table", c: "other words here" };
    const alone = of(["fit_curve(points)"], texts);
    const among = of(["load_table other", "fit_curve(points)", "words here ".repeat(50)], texts);
    expect(among.get("a")).toEqual(alone.get("a"));

    const words = ["one", "two", "three", "four", "five", "six"];
    const text = fc.array(fc.constantFrom(...words), { maxLength: 9 }).map((all) => all.join(" "));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), text, fc.array(text, { maxLength: 5 }), (changed, more, files) => {
        const texts = new Map(files.map((file, index) => [String(index), file]));
        const before = textSimilarities(changed, texts)!;
        const after = textSimilarities([more, ...changed], texts)!;
        for (const [path, { similarity }] of before)
          expect(after.get(path)!.similarity).toBeGreaterThanOrEqual(similarity);
        for (const { similarity } of after.values()) {
          expect(similarity).toBeGreaterThan(0);
          expect(similarity).toBeLessThanOrEqual(1);
          expect(Math.round(similarity * 1000)).toBeCloseTo(similarity * 1000, 9);
        }
        const backwards = textSimilarities([more, ...changed], new Map([...texts].reverse()))!;
        const similarities = (of: typeof after) => [...of].map(([path, { similarity }]) => [path, similarity]).sort();
        expect(similarities(backwards)).toEqual(similarities(after));
      }),
    );
  });

  test("takes identifiers of every alphabet as they stand, from three characters on", () => {
    const found = of(["größe of_it $x9"], { a: "größe", b: "of", c: "OF_IT", d: "f($x9)" });
    expect([...found].map(([path, { shared }]) => [path, shared])).toEqual([
      ["a", ["größe"]],
      ["d", ["$x9"]],
    ]);
  });

  test("says the three identifiers that tell most, none of them long, and is 1 for a file that cannot be read", () => {
    const found = of(["alpha beta gamma delta", "x".repeat(1_000_000)], {
      a: "alpha beta gamma delta",
      b: "delta",
      c: null,
      d: "x".repeat(1_000_000),
      e: "",
    });
    expect(found.get("a")!.shared).toEqual(["alpha", "beta", "gamma"]);
    expect(found.get("c")).toEqual({ similarity: 1 });
    expect(found.get("d")).toEqual({ similarity: 1, shared: ["x".repeat(100)] });
  });

  test("of a change with four hundred thousand identifiers and five thousand files has an end", () => {
    const changed = Array.from({ length: 400_000 }, (_, index) => `name${index}`).join(" ");
    const files = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`f${index}`, `name${index} more`]));
    const found = of([changed], files);
    expect([found.size, found.get("f7")!.shared]).toEqual([5000, ["name7"]]);
  });

  test("is not known where there are too many identifiers, or too many times two files would have one in common", () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => `name${index}`).join(" ");
    expect(of([many(200_000)], { a: many(200_000), b: "name7", c: "" }).get("a")!.similarity).toBe(1);
    expect(of([many(600_000)], { a: many(600_000), b: "" })).toBeNull();
    const files = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [index, index < 500 ? many(500) : ""]));
    expect(of(new Array(210).fill(many(500)), files)).toBeNull();
    expect(of(new Array(20).fill(many(500)), files)).not.toBeNull();
  });
});
