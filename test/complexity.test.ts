/** Decision points as we count them, beside lizard, which parses functions and gives each its cyclomatic complexity. */
import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { decisionPoints } from "@goatnote/change-facts";
import { expect, test } from "vitest";
import { describeWithPeer } from "./peers.ts";

/** Pearson's correlation of two rows of numbers. */
function correlation(one: number[], two: number[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [a, b] = [one.map((value) => value - mean(one)), two.map((value) => value - mean(two))];
  const dot = (x: number[], y: number[]) => x.reduce((sum, value, index) => sum + value * y[index]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describeWithPeer("lizard", (lizard) => {
  // Python's own library, as it is on this machine, and this repository's own sources.
  const python = execFileSync("python3", ["-c", "import os; print(os.path.dirname(os.__file__))"], {
    encoding: "utf8",
  });
  test.each([
    ["Python", python.trim(), "*.py", 0.99],
    ["TypeScript", join(import.meta.dirname, "../packages"), "*/src/**/*.ts", 0.9],
  ])("%s: files rank alike", (_, folder, glob, least) => {
    const files = globSync(glob, { cwd: folder, exclude: ["**/node_modules/**"] })
      .map((file) => join(folder, file).replaceAll(sep, "/"))
      .slice(0, 150);
    const csv = execFileSync(lizard, ["--csv", ...files], { encoding: "utf8", maxBuffer: 1 << 28 });
    const theirs = new Map(files.map((file) => [file, 0]));
    for (const line of csv.trim().split("\n")) {
      // NLOC, complexity, tokens, parameters, length, "function@lines@file", "file", …
      const [, complexity, file = ""] = /^\d+,(\d+),\d+,\d+,\d+,"[^"]*","([^"]*)"/.exec(line) ?? [];
      theirs.set(file, (theirs.get(file) ?? 0) + Number(complexity) - 1);
    }
    const ours = files.map((file) => decisionPoints(file, readFileSync(file, "utf8"))!);
    expect(files.length).toBeGreaterThan(80);
    expect(correlation(ours, [...theirs.values()])).toBeGreaterThan(least);
  });
});
