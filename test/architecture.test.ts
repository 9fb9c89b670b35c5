/** The arrows and bans of the house (README.md, CONTRIBUTING.md), read from the syntax trees of all sources. */
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { parseSync, Visitor } from "rolldown/utils";
import { describe, expect, test } from "vitest";

const root = dirname(import.meta.dirname);
const folders = (parent: string): string[] =>
  readdirSync(join(root, parent)).filter((name) => existsSync(join(root, parent, name, "package.json")));
const packages = folders("packages");
const actions = folders("actions");

/** What the rules need to know of one source file. */
interface Source {
  /** Path from the root, with forward slashes. */
  file: string;
  /** Every module it imports or exports from, types too. */
  imports: string[];
  /** Names taken from `node:child_process`; `*` for all of it. */
  childProcess: string[];
  /** Lines that read `process.env` or call `process.exit`, and lines that ask for a shell. */
  env: number[];
  exit: number[];
  shell: number[];
}

function read(file: string, code: string): Source {
  const source: Source = { file, imports: [], childProcess: [], env: [], exit: [], shell: [] };
  const { program, errors } = parseSync(file, code);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const line = (node: { start: number }): number => code.slice(0, node.start).split("\n").length;
  const note = (of: string, property: string, node: { start: number }): void => {
    if (of === "process" && property === "env") source.env.push(line(node));
    if (of === "process" && property === "exit") source.exit.push(line(node));
  };
  new Visitor({
    ImportDeclaration({ source: { value: from }, specifiers }) {
      source.imports.push(from);
      for (const specifier of specifiers) {
        const imported = specifier.type === "ImportSpecifier" ? specifier.imported : undefined;
        const name = imported ? ("name" in imported ? imported.name : imported.value) : "*";
        if (/^(node:)?child_process$/.test(from)) source.childProcess.push(name);
        if (/^(node:)?process$/.test(from)) note("process", name === "*" ? "env" : name, specifier);
      }
    },
    ExportNamedDeclaration({ source: from }) {
      if (from) source.imports.push(from.value);
    },
    ExportAllDeclaration({ source: from }) {
      source.imports.push(from.value);
    },
    ImportExpression({ source: from }) {
      if (from.type !== "Literal" || typeof from.value !== "string") return;
      source.imports.push(from.value);
      if (/^(node:)?child_process$/.test(from.value)) source.childProcess.push("*");
    },
    TSImportType({ source: from }) {
      source.imports.push(from.value);
    },
    MemberExpression(node) {
      const { object, property } = node;
      if (object.type !== "Identifier") return;
      if (property.type === "Identifier") note(object.name, property.name, node);
      if (property.type === "Literal") note(object.name, String(property.value), node);
    },
    VariableDeclarator({ id, init }) {
      if (id.type !== "ObjectPattern" || init?.type !== "Identifier") return;
      for (const property of id.properties) {
        if (property.type === "Property" && property.key.type === "Identifier")
          note(init.name, property.key.name, property);
      }
    },
    Property(node) {
      const { key, value } = node;
      if (key.type !== "Identifier" || key.name !== "shell") return;
      if (value.type === "Literal" && value.value === true) source.shell.push(line(node));
    },
  }).visit(program);
  return source;
}

const isTest = (file: string): boolean => /\.test\.ts$|^(test|scripts|benchmarks)\//.test(file);

/** The package or action that a file is part of, such as `packages/ci-history`. */
const houseOf = (file: string): string => file.split("/").slice(0, 2).join("/");

/** The package or action that an import leads to, or undefined for anything else. */
function target({ file }: Source, specifier: string): string | undefined {
  const [, name] = specifier.match(/^@goatnote\/([^/]+)/) ?? [];
  if (name) return `${actions.includes(name) ? "actions" : "packages"}/${name}`;
  if (!specifier.startsWith(".")) return undefined;
  const reached = relative(root, join(root, dirname(file), specifier)).replaceAll(sep, "/");
  return /^(packages|actions)\//.test(reached) ? houseOf(reached) : undefined;
}

const sources = globSync("{packages,actions,scripts,test,benchmarks}/**/*.ts", {
  cwd: root,
  exclude: (path) => /(^|[\\/])(node_modules|fixtures)$/.test(path),
})
  .map((file) => file.replaceAll(sep, "/"))
  .sort()
  .map((file) => read(file, readFileSync(join(root, file), "utf8")));
const shipped = sources.filter(({ file }) => !isTest(file));

/** `file -> target` for each import from one house into another. */
const arrows = (from: Source[]): { file: string; from: string; to: string }[] =>
  from.flatMap((source) =>
    source.imports
      .map((specifier) => target(source, specifier))
      .filter((to) => to !== undefined && to !== houseOf(source.file))
      .map((to) => ({ file: source.file, from: houseOf(source.file), to: to as string })),
  );

/** One cycle among the packages, as `a -> b -> a`, or undefined. */
function cycle(edges: { from: string; to: string }[]): string | undefined {
  const visit = (node: string, path: string[]): string | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node].join(" -> ");
    for (const { to } of edges.filter(({ from }) => from === node)) {
      const found = visit(to, [...path, node]);
      if (found) return found;
    }
    return undefined;
  };
  return packages.map((name) => visit(`packages/${name}`, [])).find(Boolean);
}

describe("arrows point down", () => {
  const drawn = arrows(shipped);
  const where = (wrong: typeof drawn): string[] => wrong.map(({ file, to }) => `${file} -> ${to}`);

  test("no package, nor a test of one, imports an action, and no action another", () => {
    const below = sources.filter(({ file }) => /^(packages|actions)\//.test(file));
    expect(where(arrows(below).filter(({ to }) => to.startsWith("actions/")))).toEqual([]);
  });

  test.each(["ci-history", "action-io", "boosted-trees"])("%s imports no other package", (name) => {
    expect(where(drawn.filter(({ from }) => from === `packages/${name}`))).toEqual([]);
  });

  test("only tests and scripts import rehearsal", () => {
    expect(where(drawn.filter(({ to }) => to === "packages/rehearsal"))).toEqual([]);
  });

  test("every arrow leads to a package that exists, by its name and not by a path", () => {
    const paths = shipped.flatMap((source) =>
      source.imports
        .filter((specifier) => specifier.startsWith(".") && target(source, specifier) !== houseOf(source.file))
        .map((specifier) => `${source.file} -> ${specifier}`),
    );
    expect(paths).toEqual([]);
    expect(where(drawn.filter(({ to }) => ![...packages, ...actions].includes(to.split("/")[1] as string)))).toEqual(
      [],
    );
  });

  test("packages do not import each other in a circle", () => {
    expect(cycle(drawn)).toBeUndefined();
  });
});

describe("the edge", () => {
  const inPackages = shipped.filter(({ file }) => file.startsWith("packages/"));
  const lines = (of: Source[], key: "env" | "exit" | "shell"): string[] =>
    of.flatMap((source) => source[key].map((line) => `${source.file}:${line}`));

  test("packages do not read the environment, except those that are the edge", () => {
    const pure = inPackages.filter(({ file }) => !/^packages\/(action-io|rehearsal)\//.test(file));
    expect(lines(pure, "env")).toEqual([]);
  });

  test("packages do not end the process", () => {
    expect(lines(inPackages, "exit")).toEqual([]);
  });

  test("nothing starts a shell on data", () => {
    expect(lines(sources, "shell")).toEqual([]);
    const shells = sources.flatMap(({ file, childProcess }) =>
      childProcess.filter((name) => /^(exec|execSync|\*)$/.test(name)).map((name) => `${file}: ${name}`),
    );
    expect(shells).toEqual([]);
  });
});

test("the map in the README names every package and action", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [, map = ""] = readme.match(/^## The house\n[\s\S]*?^```[^\n]*\n([\s\S]*?)^```/m) ?? [];
  expect(map, "README.md has a fenced map under `## The house`").not.toBe("");
  expect([...packages, ...actions].filter((name) => !new RegExp(`(^|[\\s/])${name}(/|\\s|$)`, "m").test(map))).toEqual(
    [],
  );
});

describe("these rules see", () => {
  const seen = (code: string): Source => read("packages/x/src/a.ts", code);

  test.each([
    ["import x from '@goatnote/action-io'"],
    ["import type { X } from '@goatnote/action-io'"],
    ["export * from '@goatnote/action-io'"],
    ["export { x } from '@goatnote/action-io'"],
    ["const x = await import('@goatnote/action-io')"],
    ["type X = import('@goatnote/action-io').X"],
    ["import '../../action-io/src/run.ts'"],
  ])("the arrow in %s", (code) => {
    expect(arrows([seen(code)])).toEqual([
      { file: "packages/x/src/a.ts", from: "packages/x", to: "packages/action-io" },
    ]);
  });

  test.each([
    ["process.env.HOME"],
    ["process['env']"],
    ["const { env } = process"],
    ["import { env } from 'node:process'"],
    ["import process from 'node:process'"],
  ])("the environment in %s", (code) => {
    expect(seen(code).env).toEqual([1]);
  });

  test("an exit, a shell and a child process, and none of them in a comment or a text", () => {
    expect(seen("\nprocess.exit(1)").exit).toEqual([2]);
    expect(seen("spawn('x', { shell: true })").shell).toEqual([1]);
    expect(seen("import { execSync } from 'node:child_process'").childProcess).toEqual(["execSync"]);
    expect(seen("import * as c from 'child_process'").childProcess).toEqual(["*"]);
    const quiet = seen("// process.env, process.exit()\nconst text = 'shell: true process.env'");
    expect([quiet.env, quiet.exit, quiet.shell]).toEqual([[], [], []]);
  });

  test("a circle", () => {
    const edge = (from: string, to: string) => ({ from: `packages/${from}`, to: `packages/${to}` });
    expect(cycle([edge("ci-history", "change-facts"), edge("change-facts", "ci-history")])).toContain(" -> ");
  });
});
