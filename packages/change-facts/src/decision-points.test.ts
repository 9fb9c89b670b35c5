import { describe, expect, it } from "vitest";
import { decisionPoints } from "./decision-points.ts";

describe("decision points", () => {
  it.each([
    ["a.py", "def f(x):\n    if x and x > 1 or not x:  # if\n        return [y for y in x]\n    elif x: pass\n", 5],
    ["a.py", '"""if\nif"""\ns = "if \\" if"\nt = \'\'\'for\'\'\'\n', 0],
    ["a.ts", "const f = (a?: string) => a?.length ?? (a ? 1 : 2); // ? :\n/* if */ if (a && b || c) {}", 5],
    ["a.js", 'for (const x of "for") { switch (x) { case 1: case 2: break; } } `if`', 3],
    ["a.go", "if err != nil && x || y { for { } }\nselect { case <-c: }\ns := `if`\nr := '\"'", 5],
    ["a.rs", "fn f<'a>(x: &'a str) { if x == \"if\" { loop {} } match c { 'a' => 1, _ => 2 } }", 4],
    ["A.java", 'String s = """\n if (x) """; if (a || b) while (c) {} // if', 3],
    ["a.cpp", "if (a) x = b ? c : d; // for\n/* while */", 2],
    ["a.md", "if for while", null],
    ["Makefile", "if", null],
    ["a.constructor", "if", null],
  ])("%s %j: %j", (path, text, points) => {
    expect(decisionPoints(path, text)).toBe(points);
  });

  it("are counted in time that grows with the text", () => {
    for (const text of ["/*".repeat(200_000), '"\\'.repeat(200_000), "'''".repeat(99_999), "`".repeat(99_999)])
      for (const path of ["a.ts", "a.py", "a.go", "a.rs", "a.c", "a.java"])
        expect(decisionPoints(path, text)).toBeGreaterThanOrEqual(0);
  });
});
