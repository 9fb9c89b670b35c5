import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "rolldown/utils";
import { expect, test } from "vitest";
import { withConftests } from "./conftest.ts";
import { importPaths, together } from "./distance.ts";
import { type GraphLimits, readGraph } from "./graph.ts";

/** For each file that reaches `changed` the imports on the way. */
async function distances(texts: Record<string, string | null>, ...changed: string[]): Promise<Record<string, number>> {
  const gone = changed.filter((path) => !Object.hasOwn(texts, path));
  const read = await readGraph(Object.keys(texts), (path) => texts[path]!, { gone });
  if (read.kind === "unknown") throw new Error(read.reason);
  const { graph } = read;
  const paths = [...importPaths(graph, changed)].map(([path, { distance }]) => [path, distance] as const);
  return Object.fromEntries(paths.filter(([, distance]) => distance > 0));
}

test("a name that a package hands on leads to where it is from, and to nothing else in the package", async () => {
  const project = {
    "src/index.js": 'export { default as add } from "./add.js";\nexport { default as drop } from "./drop.js";',
    "src/add.js": 'import curry from "./curry.js";\nexport default curry(() => 1);',
    "src/drop.js": 'import curry from "./curry.js";\nexport default curry(() => 2);',
    "src/curry.js": "export default (f) => f;",
    "test/add.js": 'const R = require("../src");\nR.add(1);',
    "test/drop.js": 'import { drop } from "../src/index.js";\ndrop();',
  };
  expect(await distances(project, "src/add.js")).toEqual({ "src/index.js": 1, "test/add.js": 1, "test/drop.js": 2 });
  expect(await distances(project, "src/curry.js")).toEqual({
    "src/add.js": 1,
    "src/drop.js": 1,
    "src/index.js": 2,
    "test/add.js": 2,
    "test/drop.js": 2,
  });
});

test("modules of a workspace, of tsconfig paths, of the root, and those that TypeScript writes as .js", async () => {
  const project = {
    "package.json": '{ "name": "root" }',
    "index.ts": "export const root = 1;",
    "packages/io/package.json": '{ "name": "@lab/io", "exports": { ".": "./src/main.ts" } }',
    "packages/io/src/main.ts": 'export { read } from "./read.js";',
    "packages/io/src/read.ts": "export const read = 1;",
    "app/tsconfig.json": '{ // of the app\n "compilerOptions": { "paths": { "@/*": ["./lib/*"] }, } }',
    "app/lib/view.tsx": "export const view = 1;",
    "app/a.test.ts": 'import { read } from "@lab/io";\nimport { view } from "@/view";\nimport * as root from "..";',
  };
  expect(await distances(project, "packages/io/src/read.ts")).toEqual({
    "packages/io/src/main.ts": 1,
    "app/a.test.ts": 1,
  });
  const extending = {
    "config/tsconfig.base.json": '{ "compilerOptions": { "paths": { "~/*": ["../lib/*"] } } }',
    "tsconfig.json": '{ "extends": "./config/tsconfig.base" }',
    "web/jsconfig.json": '{ "compilerOptions": { "baseUrl": "src" } }',
    "lib/page.ts": "",
    "web/src/menu.js": "",
    "t/a.test.ts": 'import "~/page?raw";',
    "web/b.test.js": 'import "menu";',
  };
  expect(await distances(extending, "lib/page.ts")).toEqual({ "t/a.test.ts": 1 });
  expect(await distances(extending, "web/src/menu.js")).toEqual({ "web/b.test.js": 1 });
  expect(await distances(project, "app/lib/view.tsx")).toEqual({ "app/a.test.ts": 1 });
  expect(await distances(project, "index.ts")).toEqual({ "app/a.test.ts": 1 });
});

test("what Node finds by the names in manifests is what is found here", async () => {
  const importing = (...modules: string[]): string =>
    modules.map((name) => `import "${name}";\nconsole.log(import.meta.resolve("${name}"));\n`).join("");
  const project: Record<string, string> = {
    "package.json": JSON.stringify({
      name: "@lab/io",
      type: "module",
      exports: {
        ".": { types: "./index.d.ts", default: "./main.js" },
        "./tools": "./parts/tools/main.js",
        "./deep/*": "./parts/*/deep.js",
        "./deep/inner/*": "./inner/*.js",
        "./*": "./parts/*.js",
        "./*.mjs": { node: { import: "./parts/*.mjs", require: "./parts/*.cjs" } },
      },
      imports: { "#own": "./parts/own.js", "#any/*.js": "./parts/*/any.js" },
    }),
    "index.d.ts": "",
    "app/package.json": JSON.stringify({ type: "module", imports: { "#own": "./mine.js" } }),
    "test/a.js": importing(
      "@lab/io",
      "@lab/io/tools",
      "@lab/io/deep/x/y",
      "@lab/io/deep/inner/z",
      "@lab/io/w.mjs",
      "#own",
      "#any/x/y.js",
    ),
    "app/b.js": importing("#own"),
  };
  for (const path of [
    "main",
    "parts/tools/main",
    "parts/x/y/deep",
    "parts/own",
    "parts/x/y/any",
    "app/mine",
    "inner/z",
    "parts/tools",
  ])
    project[`${path}.js`] = "";
  project["parts/w.mjs"] = "";
  const root = realpathSync(mkdtempSync(join(tmpdir(), "goatnote-graph-")));
  try {
    for (const [path, text] of Object.entries(project)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const read = await readGraph(Object.keys(project), (path) => project[path]!);
    for (const from of ["test/a.js", "app/b.js"]) {
      const found = execFileSync(process.execPath, [join(root, from)], { encoding: "utf8" })
        .trim()
        .split("\n");
      const theirs = found.map((url) => relative(root, fileURLToPath(url)));
      expect([...((read.kind === "known" && read.graph.get(from)) || [])]).toEqual(expect.arrayContaining(theirs));
    }
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("what a manifest says is built comes from the sources", async () => {
  const project = {
    "package.json":
      '{ "name": "lab", "exports": { "./jsx": { "import": "./dist/view/index.js" } }, "main": "lib/all.js" }',
    "src/view/index.ts": "",
    "src/all.ts": "",
    "t/a.test.ts": 'import "lab/jsx";',
    "t/b.test.ts": 'import "lab";',
    "t/fixture/package.json": '{ "name": "lab" }',
    "t/fixture/index.js": "",
  };
  expect(await distances(project, "src/view/index.ts")).toEqual({ "t/a.test.ts": 1 });
  expect(await distances(project, "src/all.ts")).toEqual({ "t/b.test.ts": 1 });
});

test("the JSX runtime, by a comment or a setting, as a compiler imports it", async () => {
  const text = "/** @jsxImportSource ../jsx */\nexport const a = <b />;";
  for (const development of [false, true]) {
    const { code } = transformSync("view/a.jsx", text, { jsx: { runtime: "automatic", development } });
    const runtime = `jsx/jsx-${development ? "dev-" : ""}runtime.js`;
    for (const [path, source] of [
      ["view/a.js", code],
      ["view/a.jsx", text],
    ] as const)
      expect(await distances({ [path]: source, [runtime]: "" }, runtime)).toEqual({ [path]: 1 });
  }
  const project = {
    "package.json": '{ "name": "lab" }',
    "src/jsx/jsx-runtime.ts": 'export { jsx } from "./base";\nexport { h } from "./old";',
    "src/jsx/base.ts": "export const jsx = 1;",
    "src/jsx/old.ts": "export const h = 1;",
    "app/tsconfig.json": '{ "compilerOptions": { "jsx": "react-jsx", "jsxImportSource": "lab/jsx" } }',
    "app/a.test.tsx": "",
    "app/b.test.ts": "",
    "other/c.test.tsx": "",
  };
  expect(await distances(project, "src/jsx/base.ts")).toEqual({ "src/jsx/jsx-runtime.ts": 1, "app/a.test.tsx": 1 });
  expect(await distances(project, "src/jsx/old.ts")).toMatchObject({ "app/a.test.tsx": 2 });
});

test("a test of a component reaches what the component imports", async () => {
  const project = {
    "src/Form.vue": '<script setup>\nimport Field from "./Field.vue";\n</script>',
    "src/Field.vue": "<template />",
    "test/form.test.ts": 'import Form from "../src/Form.vue";',
  };
  expect(await distances(project, "src/Field.vue")).toEqual({ "src/Form.vue": 1, "test/form.test.ts": 2 });
});

test("packages of Python: below src, relative, handed on with and without names, and beside the test", async () => {
  const project = {
    "src/lab/__init__.py": "from .model import fit as fit\nfrom lab.tools import *",
    "src/lab/model.py": "def fit(): pass",
    "src/lab/tools.py": "def sharpen(): pass",
    "src/lab/deep/__init__.py": "",
    "src/lab/deep/sea.py": "from ..model import fit",
    "tests/helper.py": "",
    "tests/test_fit.py": "from lab import fit\nimport helper",
    "tests/test_tools.py": "import lab\nlab.sharpen()",
    "tests/test_sea.py": "from lab.deep import sea",
  };
  expect(await distances(project, "src/lab/model.py")).toEqual({
    "src/lab/__init__.py": 1,
    "src/lab/deep/sea.py": 1,
    "tests/test_fit.py": 1,
    "tests/test_tools.py": 2,
    "tests/test_sea.py": 2,
  });
  expect(await distances(project, "src/lab/tools.py")).toMatchObject({
    "tests/test_tools.py": 1,
    "tests/test_fit.py": 2,
  });
  expect(await distances(project, "src/lab/deep/sea.py")).toEqual({ "tests/test_sea.py": 1 });
  expect(await distances(project, "tests/helper.py")).toEqual({ "tests/test_fit.py": 1 });
});

test("of projects in one repository the nearest is meant, and a namespace may be of several", async () => {
  const project = {
    ...Object.fromEntries(
      ["alpha", "beta"].flatMap((name) => [
        [`${name}/pyproject.toml`, ""],
        [`${name}/src/acme/${name}/model.py`, ""],
        [`${name}/tests/__init__.py`, ""],
        [`${name}/tests/utils.py`, ""],
        [`${name}/tests/unit/__init__.py`, ""],
        [`${name}/tests/unit/json.py`, ""],
      ]),
    ),
    "json.py": "",
    "beta/tests/unit/test_a.py": "from tests.utils import check\nimport json",
    "beta/tests/unit/test_b.py": "from acme.alpha.model import fit",
    "beta/tests/unit/test_c.py": "import acme.beta.model",
  };
  const of = async (path: string): Promise<string[]> => Object.keys(await distances(project, path));
  expect(await of("beta/tests/utils.py")).toEqual(["beta/tests/unit/test_a.py"]);
  expect(await of("alpha/tests/utils.py")).toEqual([]);
  expect(await of("alpha/src/acme/alpha/model.py")).toEqual(["beta/tests/unit/test_b.py"]);
  expect(await of("beta/src/acme/beta/model.py")).toEqual(["beta/tests/unit/test_c.py"]);
  expect(await of("json.py")).toEqual(["beta/tests/unit/test_a.py"]);
});

test("a project among the data of tests is not nearer than the one that they test", async () => {
  const project = {
    "src/lab/__init__.py": "",
    "src/lab/model.py": "",
    "tests/test_a.py": "from lab import model",
    "tests/fixtures/project/lab/__init__.py": "",
    "tests/fixtures/project/lab/model.py": "",
    "deep/web/src/acme/page.py": "",
    "deep/web/tests/test_b.py": "from acme.page import show",
  };
  expect(await distances(project, "src/lab/model.py")).toEqual({ "tests/test_a.py": 1 });
  expect(await distances(project, "tests/fixtures/project/lab/model.py")).toEqual({});
  expect(await distances(project, "deep/web/src/acme/page.py")).toEqual({ "deep/web/tests/test_b.py": 1 });
});

test("modules of Python that strings name", async () => {
  const project = {
    "src/lab/__init__.py": "",
    "src/lab/model.py": "",
    "src/lab/cli/__main__.py": "",
    "src/lab/cli/__init__.py": "",
    "src/lab/plugins/__init__.py": 'def load(name):\n    return import_module(f".{name}", __name__)',
    "src/lab/formats.py": 'import importlib\n\nread = lambda name: importlib.import_module(f"lab.kinds.{name}")',
    "src/lab/begun.py": 'import_module(f"lab.kinds.of_{name}")',
    "src/lab/near.py": 'from importlib import import_module\nimport_module(".model", __package__)',
    "tests/test_patch.py": "@mock.patch('lab.model.Model.fit')\ndef test_fit(fit): ...",
    "tests/test_cli.py": 'run([sys.executable, "-m", "lab.cli"])',
    "tests/test_text.py": '"""As "lab.model" does."""\n# "lab.model"\nlog("lab.model is said", "no.module")',
  };
  expect(await distances(project, "src/lab/model.py")).toEqual({ "tests/test_patch.py": 1, "src/lab/near.py": 1 });
  expect(await distances(project, "src/lab/cli/__main__.py")).toEqual({ "tests/test_cli.py": 1 });
  expect(await distances(project, "src/lab/plugins/one.py")).toEqual({ "src/lab/plugins/__init__.py": 1 });
  expect(await distances(project, "src/lab/kinds/one.py")).toEqual({ "src/lab/formats.py": 1, "src/lab/begun.py": 1 });
});

test("what pytest loads before a test: conftest.py in its folder and above, and what that imports", async () => {
  const project = {
    "conftest.py": "",
    "tests/conftest.py": "from support import helper",
    "tests/support.py": "",
    "tests/unit/__init__.py": "",
    "tests/unit/test_a.py": "",
    "tests/unit/plain.py": "",
    "other/test_b.py": "\uFEFFimport shared",
    "other/shared.py": "",
  };
  const read = await readGraph(Object.keys(project), (path) => project[path as keyof typeof project]);
  if (read.kind === "unknown") throw new Error(read.reason);
  const graph = withConftests(read.graph, (path) => path.includes("test_"));
  const reached = (path: string): string[] => [...importPaths(graph, [path]).keys()].sort();
  expect(reached("tests/support.py")).toEqual(["tests/conftest.py", "tests/support.py", "tests/unit/test_a.py"]);
  expect(reached("conftest.py")).toEqual(["conftest.py", "other/test_b.py", "tests/unit/test_a.py"]);
  expect(reached("other/shared.py")).toContain("other/test_b.py");
  expect(reached("tests/unit/__init__.py")).toContain("tests/unit/test_a.py");
  const specific = withConftests(read.graph, (path) => path.includes("test_"), true);
  expect([...importPaths(specific, ["conftest.py"]).keys()]).toEqual(["conftest.py"]);
  expect([...importPaths(specific, ["tests/support.py"]).keys()]).toContain("tests/unit/test_a.py");
});

test("packages of Go, the test's own too", async () => {
  const project = {
    "go.mod": "module example.org/lab\n\ngo 1.24\n",
    "io/io.go": "package io",
    "io/io_test.go": "package io",
    "cmd/run.go": 'package main\nimport "example.org/lab/io"',
    "cmd/run_test.go": "package main",
  };
  expect(await distances(project, "io/io.go")).toEqual({ "io/io_test.go": 1, "cmd/run.go": 1, "cmd/run_test.go": 2 });
});

test("modules by patterns, and those whose names are computed behind a folder", async () => {
  const project = {
    "app/package.json": "{}",
    "app/pages.ts": 'import.meta.glob<Record<string, Page>>(["./pages/**/*.vue", "!./pages/old.vue"]);',
    "app/words.ts": 'import.meta.glob("/words/*.json", { eager: true });',
    "app/locale.ts": "export const locale = (name) => import(`./locales/${name}.ts`);",
    "app/plugin.cjs": 'module.exports = (name) => require("./plugins/" + name);',
    "app/icons.js": 'require.context("./icons", true, /svg$/);',
    "app/worker.js": 'new Worker(new URL("jobs/worker.js", import.meta.url));',
    "app/page.vue": '<template src="./page.html" />\n<script setup lang="ts" src="./page.ts"></script>',
  };
  for (const [changed, importer] of [
    ["app/pages/a/b.vue", "app/pages.ts"],
    ["app/words/en.json", "app/words.ts"],
    ["app/locales/en.ts", "app/locale.ts"],
    ["app/plugins/one.cjs", "app/plugin.cjs"],
    ["app/icons/a/b.svg", "app/icons.js"],
    ["app/jobs/worker.js", "app/worker.js"],
    ["app/page.ts", "app/page.vue"],
    ["app/page.html", "app/page.vue"],
  ] as const)
    expect(await distances(project, changed), changed).toEqual({ [importer]: 1 });
  for (const other of ["app/pages/a.ts", "app/words/old/en.json", "app/locales/old/en.ts", "app/x.js"])
    expect(await distances(project, other), other).toEqual({});
});

test("files that a source names in strings", async () => {
  const texts = {
    "test/a.test.js": 'run(path.join(import.meta.dirname, "./fixtures/pm"));',
    "test/b.test.js": 'const pm = join(__dirname, "fixtures", "pm-install");',
    "test/c.test.js": "expect(out).toMatchFileSnapshot(`./golden/${kind}.txt`); // it's a `file`",
    "test/d.test.js": 'readdirSync(new URL("golden", import.meta.url));',
    "test/e.test.js": 'read("table.csv");\nread("x.csv");',
    "tests/test_f.py": 'DATA = Path(__file__).parent / "data" / "points.json"',
    "src/load.js": 'export const page = readFile("templates/page.html");\nwatch("src");',
    "src/far.js": 'names("pm", "golden", "page.html", "a sentence of words.");',
    "src/cases.js": 'read("cases/c7/input.json", "c8", "input.json");',
  };
  const others = [
    "test/fixtures/pm",
    "test/fixtures/pm-install",
    "test/golden/out.txt",
    "test/table.csv",
    "test/deep/x.csv",
  ];
  const alike = Array.from({ length: 1_001 }, (_, number) => `cases/c${number}/input.json`);
  const more = ["tests/data/points.json", "lib/templates/page.html", "templates/other.html", ...alike];
  const files = [...Object.keys(texts), ...others, ...more];
  const read = await readGraph(files, (path) => texts[path as keyof typeof texts]);
  if (read.kind === "unknown") throw new Error(read.reason);
  const namedBy = [...read.named].map(([path, found]) => [path, [...found!]] as const);
  expect(Object.fromEntries(namedBy.filter(([, found]) => found.length > 0))).toEqual({
    "test/a.test.js": ["test/fixtures/pm"],
    "test/b.test.js": ["test/fixtures/pm-install"],
    "test/c.test.js": ["test/golden/out.txt"],
    "test/d.test.js": ["test/golden/out.txt"],
    "test/e.test.js": ["test/table.csv"],
    "tests/test_f.py": ["tests/data/points.json"],
    "src/load.js": ["lib/templates/page.html"],
    "src/cases.js": ["cases/c7/input.json"],
  });
  const all = importPaths(together(read.graph, read.named), ["test/golden/out.txt"]);
  expect([...all.keys()]).toEqual(["test/golden/out.txt", "test/c.test.js", "test/d.test.js"]);
});

test("files that settings have a runner load, and no others", async () => {
  const texts = {
    "package.json": '{ "main": "./src/index.js", "jest": { "setupFiles": ["<rootDir>/tools/env.js"] } }',
    "web/vitest.config.ts":
      'export default { resolve: { alias: { "@": "./src/main.ts" } }, test: { setupFiles: "./test/setup", globalSetup: ["./test/all.ts"] } };',
    "jest.unit.json": '{ "setupFilesAfterEnv": ["<rootDir>/after.js"] }',
    "src/vitest.config.test.ts": 'it({ setupFiles: ["./no.ts"] });',
    "jest.preset.config.js": "module.exports = { transform: { '^.+\\.ts$': '<rootDir>/tools/ts.js' } };",
  };
  const others = [
    "src/index.js",
    "tools/env.js",
    "web/src/main.ts",
    "web/test/setup.ts",
    "web/test/all.ts",
    "after.js",
    "tools/ts.js",
  ];
  const files = [...Object.keys(texts), ...others];
  const read = await readGraph(files, (path) => texts[path as keyof typeof texts] ?? "");
  if (read.kind === "unknown") throw new Error(read.reason);
  expect(Object.fromEntries([...read.loaded].map(([path, found]) => [path, [...found!].sort()]))).toEqual({
    "package.json": ["tools/env.js"],
    "web/vitest.config.ts": ["web/test/all.ts", "web/test/setup.ts"],
    "jest.unit.json": ["after.js"],
    "jest.preset.config.js": ["tools/ts.js"],
  });
});

test("what is built, by its path, comes from the sources; of several endings any may be meant; mocks stand for a module", async () => {
  const project = {
    "package.json":
      '{ "name": "cart", "exports": { "./testing": "./dist/probe.mjs" }, "main": "./distribution/entry.js" }',
    "src/index.ts": "",
    "src/cart.ts": "",
    "src/probe.ts": "",
    "src/__mocks__/probe.ts": "",
    "source/entry.ts": "",
    "lib/model.js": "",
    "__mocks__/axios.js": "",
    "thing.ts": "",
    "thing.mjs": "",
    "app/tsconfig.json":
      '{ "extends": "../base.json", "compilerOptions": { "paths": { "~/*": ["${configDir}/own/*"] } } }',
    "app/own/view.ts": "",
    "test/a.test.js": 'import "../lib/cart.esm.js";',
    "test/b.test.js": 'import "../dist/all.js";',
    "test/c.test.js": 'import "cart/testing";',
    "test/d.test.js": 'import "../lib/model.js";\nimport "axios";',
    "test/e.test.js": 'import "cart";',
    "test/f.test.js": 'import "../thing";',
    "app/g.test.ts": 'import "~/view";',
  };
  const of = async (path: string): Promise<string[]> => Object.keys(await distances(project, path));
  expect(await of("src/cart.ts")).toEqual(["test/a.test.js"]);
  expect(await of("src/index.ts")).toEqual(["test/b.test.js"]);
  expect(await of("src/probe.ts")).toEqual(["test/c.test.js"]);
  expect(await of("src/__mocks__/probe.ts")).toEqual(["test/c.test.js"]);
  expect(await of("lib/model.js")).toEqual(["test/d.test.js"]);
  expect(await of("__mocks__/axios.js")).toEqual(["test/d.test.js"]);
  expect(await of("source/entry.ts")).toEqual(["test/e.test.js"]);
  for (const thing of ["thing.ts", "thing.mjs"]) expect(await of(thing)).toEqual(["test/f.test.js"]);
  expect(await of("app/own/view.ts")).toEqual(["app/g.test.ts"]);
});

test("what no manifest tells may be named by settings of a bundler or runner; what is installed is not", async () => {
  const project = {
    "package.json": '{ "dependencies": { "cart": "1" } }',
    "shop/package.json": '{ "devDependencies": { "@types/tax": "1" } }',
    "shop/src/cart/index.ts": "",
    "shop/src/tax.ts": "",
    "other/cart.ts": "",
    "lib/rates.js": "",
    "shop/a.test.ts": 'import "@/cart";\nimport "tax";\nimport "fs";\nimport "https://example.org/tax.ts";',
    "shop/b.test.ts": 'import "~shop/rates";\nimport "cart";',
  };
  expect(await distances(project, "shop/src/cart/index.ts")).toEqual({ "shop/a.test.ts": 1 });
  expect(await distances(project, "lib/rates.js")).toEqual({ "shop/b.test.ts": 1 });
  for (const other of ["shop/src/tax.ts", "other/cart.ts", "shop/src/fs.ts"])
    expect(await distances({ ...project, [other]: "" }, other), other).toEqual({});
});

test("what a build of Go takes in beside Go files, and packages that a string names", async () => {
  const project = {
    "go.mod": "module example.org/lab/v2\n",
    "sum/sum.go": "package sum\n\nfunc Sum() int",
    "sum/sum_amd64.s": "",
    "calc/calc_test.go": 'package calc\n\nimport "example.org/lab/v2/sum"',
    "cmd/run/main.go": "package main",
    "spec/spec_test.go": 'package spec\n\nvar tool = build("example.org/lab/v2/cmd/run", "text/plain")',
    "near/near_test.go": 'package near\n\nvar run = exec.Command("go", "run", "../cmd/run") // "../sum"',
    "vendor/example.com/far/far.go": "package far",
    "far/far_test.go": 'package far\n\nimport "example.com/far"',
  };
  const of = async (path: string): Promise<Record<string, number>> => distances(project, path);
  expect(await of("sum/sum_amd64.s")).toEqual({ "calc/calc_test.go": 1 });
  expect(await of("sum/sum_arm64.s")).toEqual({ "calc/calc_test.go": 1 });
  expect(await of("cmd/run/main.go")).toEqual({ "spec/spec_test.go": 1, "near/near_test.go": 1 });
  expect(await of("vendor/example.com/far/far.go")).toEqual({ "far/far_test.go": 1 });
  expect(await of("sum/sum.txt")).toEqual({});
});

test("files that Go embeds, by name, by pattern and by folder", async () => {
  const project = {
    "go.mod": "module example.org/lab\n",
    "web/web.go": 'package web\nimport _ "embed"\n//go:embed page.html "two words.txt" form-*.html\nvar a string',
    "web/web_test.go": "package web",
    "site/site.go": "package site\n\n//go:embed all:static `view/*/[a-c].txt`\nvar files embed.FS",
    ...Object.fromEntries(["web/page.html", "site/static/css/_a.css", "site/view/en/b.txt"].map((path) => [path, ""])),
  };
  const web = { "web/web.go": 1, "web/web_test.go": 2 };
  for (const path of ["web/page.html", "web/two words.txt", "web/form-1.html"])
    expect(await distances(project, path), path).toEqual(web);
  for (const path of ["site/static/css/_a.css", "site/view/en/b.txt", "site/static/new.js"])
    expect(await distances(project, path), path).toEqual({ "site/site.go": 1 });
  for (const path of ["web/other.html", "web/form-1.txt", "page.html", "site/view/b.txt", "site/static2/a"])
    expect(await distances(project, path), path).toEqual({});
});

test("classes of Java, of the same package without an import", async () => {
  const project = {
    "src/main/java/org/lab/Model.java": "package org.lab;\nclass Model {}",
    "src/main/java/org/lab/Tool.java": "package org.lab;\nclass Tool {}",
    "src/test/java/org/lab/ModelTest.java": "package org.lab;\nclass ModelTest { Model model; }",
    "src/test/java/org/other/FarTest.java": "package org.other;\nimport org.lab.*;\nclass FarTest { Tool tool; }",
    "src/test/java/org/other/InnerTest.java": "package org.other;\nimport org.lab.Model.Inner;\nclass InnerTest {}",
  };
  expect(await distances(project, "src/main/java/org/lab/Model.java")).toEqual({
    "src/test/java/org/lab/ModelTest.java": 1,
    "src/test/java/org/other/InnerTest.java": 1,
  });
  expect(await distances(project, "src/main/java/org/lab/Tool.java")).toEqual({
    "src/test/java/org/other/FarTest.java": 1,
  });
});

test("circles end, and beyond the limits there is no graph", async () => {
  const circle = {
    "a.js": 'export * from "./b.js";',
    "b.js": 'export * from "./a.js";\nexport const x = 1;',
    "t.js": 'import { x } from "./a.js";',
  };
  expect(await distances(circle, "b.js")).toEqual({ "a.js": 1, "t.js": 1 });
  const read = (path: string) => circle[path as keyof typeof circle];
  const reason = async (limits: Partial<GraphLimits>) => {
    let clock = 0;
    const result = await readGraph(Object.keys(circle), read, { limits, now: () => (clock += 1000) });
    return result.kind === "unknown" ? result.reason : null;
  };
  expect(await reason({ files: 2 })).toBe("there are more than 2 source files");
  expect(await reason({ characters: 60 })).toBe("the source files have more than 60 characters");
  expect(await reason({ milliseconds: 5_000 })).toBe("following the imports takes more than 5 s");
  expect(await reason({ steps: 12 })).toBe("following the imports takes more than 12 steps");
  expect(await reason({})).toBeNull();
});

test("pairs of imports and packages that are too many end with the reason", async () => {
  const count = 300;
  const many = Array.from({ length: count }, (_, index) => index);
  const texts: Record<string, string> = {};
  for (const index of many) {
    texts[`a/C${index}.java`] = `package a;\nclass C${index} {}`;
    texts[`b/T${index}.java`] =
      `package b;\nimport a.*;\nclass T${index} { ${many.map((n) => `C${n} c${n};`).join(" ")} }`;
  }
  const result = await readGraph(Object.keys(texts), (path) => texts[path]!, { limits: { steps: 50_000 } });
  expect(result).toEqual({ kind: "unknown", reason: "following the imports takes more than 50000 steps" });
});

test("what the change took away still has its importers, also by what a package handed on", async () => {
  expect(
    await distances({ "lab/__init__.py": "from .a import fit", "t/test_a.py": "from lab import fit" }, "lab/a.py"),
  ).toEqual({ "lab/__init__.py": 1, "t/test_a.py": 1 });
  expect(
    await distances({ "lab/__init__.py": "from .a import *", "t/test_a.py": "import lab\nlab.fit()" }, "lab/a.py"),
  ).toEqual({ "lab/__init__.py": 1, "t/test_a.py": 1 });
  expect(await distances({ "t.test.js": 'import { x } from "./lib/old.js";' }, "lib/old.js")).toEqual({
    "t.test.js": 1,
  });
  const go = { "go.mod": "module m\n", "io/io_test.go": "package io", "io/io.go": "package io" };
  expect(await distances(go, "io/old.go")).toEqual({ "io/io_test.go": 1 });
  const java = {
    "src/test/java/org/lab/ModelTest.java": "package org.lab;\nclass ModelTest { Model model; }",
    "src/main/java/org/far/Far.java": "package org.far;\nimport org.lab.Model;\nclass Far {}",
  };
  expect(await distances(java, "src/main/java/org/lab/Model.java")).toEqual({
    "src/test/java/org/lab/ModelTest.java": 1,
    "src/main/java/org/far/Far.java": 1,
  });
});

test("a file that cannot be read, or is too long, may import what changed; so may what imports it", async () => {
  const project = {
    "big.js": "x".repeat(1_000_001),
    "lost.js": null,
    "new.js": "",
    "t.js": 'import "./big.js";',
    "u.js": "",
  };
  expect(await distances(project, "new.js")).toEqual({ "big.js": 1, "lost.js": 1, "t.js": 2 });
  await expect(distances({ "package.json": null, "a.js": "" }, "a.js")).rejects.toThrow(/package\.json cannot be read/);
});

test("names of any kind and manifests of any depth leave the others their graph", async () => {
  const deep = `{ "name": "deep", "exports": ${'{ "a": '.repeat(20_000)}"./x.js"${" }".repeat(20_000)} }`;
  const project = {
    "lab/__init__.py": "from lab.a import *",
    "lab/a.py": "def fit(): pass",
    "test_a.py": "from lab import **\nfrom lab import (fit, *b)\nfrom lab import fit",
    "package.json": deep,
    "x.js": "",
    "t.js": 'import "deep";\nimport "./x.js";',
  };
  expect(await distances(project, "lab/a.py")).toEqual({ "lab/__init__.py": 1, "test_a.py": 1 });
  expect(await distances(project, "x.js")).toEqual({ "t.js": 1 });
});

test("no configuration and no name that is made to be slow takes the square of its length", async () => {
  const project = {
    "tsconfig.json": `{ "a": "${'\\"'.repeat(200_000)}`,
    "y/tsconfig.json": `{ "extends": [${'"./tsconfig.json",'.repeat(10)}"./tsconfig.json"], "compilerOptions": {} }`,
    "y/package.json": JSON.stringify({
      name: "y",
      exports: { "./*": "*".repeat(500_000) },
      imports: "a".repeat(400_000),
    }),
    "y/a.js": `import "y/${"a".repeat(900)}";`,
    "y/b.js": `${'import.meta.glob(["'.repeat(20_000) + "`./${a".repeat(20_000)}import "@/${"a/".repeat(450)}";`,
    "y/c.go": `//go:embed ${"*a".repeat(450)}\n//go:embed ${'"'.repeat(100_000)}\n`,
    [`y/${"a".repeat(4_000)}`]: "",
    "y/e.py": `import_module("${".".repeat(500_000)}\nimport ${"a.".repeat(480)}a`,
    "z/package.json": JSON.stringify({ name: "z", exports: { "./*": `./dist/${"src/".repeat(100_000)}\n` } }),
    "y/a.test.js": Array.from({ length: 2_000 }, (_, number) => `"d${number}"`).join(),
    ...Object.fromEntries(Array.from({ length: 2_000 }, (_, number) => [`y/d${number}/tox.ini`, ""])),
    [`${"deep/".repeat(2_000)}a.py`]: "",
    "y/d.py": `${'import_module(f"a'.repeat(20_000)}\n"${"a.".repeat(100_000)}a"\n${'"a.b.c.d.e.f.g", '.repeat(20_000)}`,
    "x/tsconfig.json": "/*".repeat(200_000),
    "x.vue": "<script>".repeat(100_000),
    "y.vue": "<script ".repeat(100_000),
    "z.tsx": "@jsxImportSource ".repeat(50_000),
    "lab/__init__.py": "from lab.a import *",
    "lab/a.py": "a".repeat(30_000),
    "test_a.py": `from lab import ${"a*".repeat(12)}b, fit`,
  };
  expect(await distances(project, "lab/a.py")).toMatchObject({ "lab/__init__.py": 1 });
});
