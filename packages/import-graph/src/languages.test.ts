import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parseSync, Visitor } from "rolldown/utils";
import { describe, expect, test } from "vitest";
import { importsIn } from "./languages.ts";

const modules = (path: string, text: string) => importsIn(path, text).map(({ module }) => module);

describe("JavaScript and TypeScript", () => {
  test.each([
    ['import z, { b as c } from "./a.js";\nc(z.d);', "./a.js", ["b", "default", "d"]],
    ["import * as all from './a';\nall.one(all.two);", "./a", ["one", "two"]],
    ['import * as all from "./a";\npass(all);', "./a", null],
    ['const { x, y: z } = require("./a")', "./a", ["x", "y"]],
    ['const R = require("../source");\nR.add(1);', "../source", ["add"]],
    ['import "./a"', "./a", null],
    ['module.exports = { ...require("./a") };', "./a", null],
    ['vi.mock("./a")', "./a", null],
    ['const late = await import("./a")', "./a", null],
    ['import type { T } from "./a"', "./a", ["T"]],
    ['fork(require.resolve("./a"))', "./a", null],
    ['export {\n  // of old\n  b, /* and */ c\n} /* is */ from // here\n "./a"', "./a", []],
    ["export {\n  /**\n   * The `h\n   * @example import './x'\n   */\n  b as c\n} from './a';", "./a", []],
    ['import { größe } from "./a";', "./a", ["größe"]],
    ['import { "b-c" as d } from "./a";', "./a", ["b-c"]],
    ['import(/* webpackChunkName: "b" */ "./a")', "./a", null],
    ["import(`./a`)", "./a", null],
    ['jest.requireActual<typeof import("./a")>("./a")', "./a", null],
    ['vi.importActual<Lab>("./a")', "./a", null],
    ['vi.doMock("./a")', "./a", null],
    ['t.mock.module("./a")', "./a", null],
    ['import.meta.resolve("./a")', "./a", null],
    ['const bare = path.replace(/\\/*$/, "");\nimport("./a")', "./a", null],
    ["const tick = (s) => /[`/]/.test(s);\nimport('./a')", "./a", null],
    ['const r = <A x={1} />, late = lazy(() => import("./a"));', "./a", null],
    ["const n = i++ / 2; const m = require('./a'); const h = n! / 2;", "./a", null],
    ["const half = width / 2, all = `${half} / ${half}`;\nimport('./a')", "./a", null],
    ['const worker = new URL("./a", import.meta.url);\nstart(worker);', "./a", null],
  ])("%s", (text, module, names) => {
    expect(importsIn("x.ts", text).map((one) => [one.module, one.names])).toEqual([[module, names]]);
  });

  test("what is handed on is known by both names", () => {
    const [first, second] = importsIn("x.js", 'export { default as add, b } from "./a";\nexport * from "./c";');
    expect([first!.locals, second!.locals]).toEqual([{ add: "default", b: "b" }, { "*": "*" }]);
  });

  test.each(["x.vue", "x.svelte"])("the scripts of a component: %s", (path) => {
    const text = [
      '<script lang="ts">',
      "export { a } from './a';",
      "</script>",
      '<script setup lang="ts" generic="T extends Set<string>">',
      "import b from './b.vue';",
      "</script>",
      "<template><p>don't import './c'</p></template>",
    ].join("\n");
    expect(modules(path, text)).toEqual(["./a", "./b.vue"]);
  });

  test.each([
    "// import './a'",
    "/* import './a' */",
    "const s = \"import './a'\";",
    "`import './a'`",
    "x.require('./a')",
  ])("no import: %s", (text) => expect(importsIn("x.js", text)).toEqual([]));

  test.each(["[/", "=>/a[", "; /[\\", "import /", '"'])("a million characters of %j are read at once", (piece) => {
    expect(modules("x.ts", `${piece.repeat(1_000_000 / piece.length)}\nimport "./a";`).at(-1)).toBe("./a");
  });

  test("finds what oxc's parser finds in this repository's own sources", () => {
    const root = join(import.meta.dirname, "../../..");
    const files = globSync("{packages,actions,benchmarks,scripts}/**/*.ts", {
      cwd: root,
      exclude: ["**/node_modules/**"],
    });
    let all = 0;
    for (const file of files) {
      const text = readFileSync(join(root, file), "utf8");
      const theirs = new Set<string>();
      const note = (source: { value: unknown } | null): void => void (source && theirs.add(String(source.value)));
      new Visitor({
        ImportDeclaration: ({ source }) => note(source),
        ExportNamedDeclaration: ({ source }) => note(source),
        ExportAllDeclaration: ({ source }) => note(source),
        ImportExpression: ({ source }) => note(source.type === "Literal" ? (source as { value: unknown }) : null),
      }).visit(parseSync(file, text).program);
      const ours = new Set(modules(file, text));
      expect([file, [...theirs].filter((module) => !ours.has(module))]).toEqual([file, []]);
      all += theirs.size;
    }
    expect(all).toBeGreaterThan(500);
  });
});

describe("Python", () => {
  test.each([
    ["import a.b as c\nc.d()", "a.b", ["d"]],
    ["import a.b\na.b.c.d", "a.b", ["c"]],
    ["from .a import (\n  b,  # of old\n  c as d,\n)", ".a", ["b", "c"]],
    ["from . import model\nmodel.fit()", ".", ["model", "model.fit"]],
    ["def late():\n    from a import b", "a", ["b"]],
    ["from a import *", "a", null],
    ["from.import a", ".", ["a"]],
    ["try: from a import b\nexcept ImportError: pass", "a", ["b"]],
    ["if late: import a as b\nb.c()", "a", ["c"]],
    ["from test_größe import prüfe", "test_größe", ["prüfe"]],
    ['pytest_plugins = (\n  # [old]\n  "a",\n)', "a", null],
    ["from ..importing import a", "..importing", ["a"]],
    ["from . a import(b)", ".a", ["b"]],
  ])("%s", (text, module, names) => {
    expect(importsIn("x.py", text).map((one) => [one.module, one.names])).toEqual([[module, names]]);
  });

  test("plugins in one text", () => {
    expect(modules("conftest.py", 'pytest_plugins = "a,b.c"')).toEqual(["a", "b.c"]);
  });

  test("one statement after another", () => {
    expect(modules("x.py", "import os; from a import b; import c")).toEqual(["os", "a", "c"]);
  });

  test("finds the modules that Python's own parser finds in its library", () => {
    const program = [
      "import ast, glob, json, os, sys",
      "folder = os.path.dirname(os.__file__)",
      "found = {}",
      "for path in sorted(glob.glob(folder + '/*.py') + glob.glob(folder + '/*/*.py'))[:400]:",
      "    if 'site-packages' in path or 'lib2to3' in path: continue",
      "    try: tree = ast.parse(open(path, encoding='utf-8').read())",
      "    except Exception: continue",
      "    names = set()",
      "    for node in ast.walk(tree):",
      "        if isinstance(node, ast.Import): names.update(one.name for one in node.names)",
      "        if isinstance(node, ast.ImportFrom): names.add('.' * node.level + (node.module or ''))",
      "    found[path] = sorted(names)",
      "print(json.dumps(found))",
    ].join("\n");
    const theirs: Record<string, string[]> = JSON.parse(
      execFileSync("python3", ["-c", program], { encoding: "utf8", maxBuffer: 1 << 26 }),
    );
    const all = Object.values(theirs).flat().length;
    expect(all).toBeGreaterThan(1000);
    const missed = Object.entries(theirs).flatMap(([path, names]) => {
      const ours = new Set(modules(path, readFileSync(path, "utf8")));
      return names.filter((name) => !ours.has(name)).map((name) => `${path}: ${name}`);
    });
    // `if x: import y` in one line, and text that holds quotes within quotes.
    expect(missed.slice(0, Math.ceil(all / 200)).join("\n")).toBe(missed.join("\n"));
  });
});

test("Go and Java state packages and classes", () => {
  expect(modules("x.go", 'package a\nimport "m/b"\nimport (\n  c "m/c" // of old\n  _ `m/d`\n)')).toEqual([
    "",
    "m/b",
    "m/c",
    "m/d",
  ]);
  const java = "package a;\nimport b.C;\nimport static b.D.of;\nimport e.*;\nclass X extends Y {}";
  expect(modules("X.java", java)).toEqual(["b.C", "b.D", "e", ""]);
});

test("no text throws, and none that is made to be slow takes the square of its length", () => {
  const parts = [
    "import ",
    "from ",
    "{",
    "(",
    "/*",
    "`",
    '"""',
    "'",
    '\\"',
    "const x = ",
    "require(",
    "\n",
    "*/",
    "a.b",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts)), (some) => {
      for (const path of ["x.ts", "x.py", "x.go", "X.java"]) importsIn(path, some.join(""));
    }),
  );
  const slow = [
    `from${" ".repeat(200_000)}`,
    `from a${" ".repeat(200_000)}`,
    `from ${".".repeat(200_000)}!`,
    `from ${". ".repeat(200_000)}!`,
    `\`${"\\`".repeat(200_000)}\\`,
    `import ${"{".repeat(200_000)} from "./a"`,
  ];
  for (const text of slow) for (const path of ["x.ts", "x.py", "x.go", "X.java"]) importsIn(path, text);
  for (const part of parts) for (const path of ["x.ts", "x.py", "x.go", "X.java"]) importsIn(path, part.repeat(5_000));
});
