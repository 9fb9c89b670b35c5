/** What `action.yml` says is what the code does: inputs by their declarations, outputs by what the code sets. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { checkDeclaration, type Fields } from "@goatnote/action-io";
import { expect, test } from "vitest";
import { parse } from "yaml";

interface Metadata {
  name: string;
  description: string;
  inputs?: Record<string, { description: string; required?: boolean; default?: string }>;
  outputs?: Record<string, { description: string; value?: string }>;
  runs: { using: string; main?: string; post?: string; steps?: CompositeStep[] };
}

interface CompositeStep {
  id?: string;
  uses?: string;
  with?: Record<string, string>;
  env?: Record<string, string>;
}

const files = globSync("**/action.yml", { cwd: import.meta.dirname, exclude: ["**/node_modules/**"] })
  .map((file) => file.replaceAll(sep, "/"))
  .sort();
const metadataOf = (file: string): Metadata => parse(readFileSync(join(import.meta.dirname, file), "utf8")) as Metadata;

/** `ml-test-select/exec/action.yml` as action `ml-test-select` and entry `exec`; an action itself is `main`. */
function entryOf(file: string): { action: string; entry: string } {
  const [action = "", ...rest] = dirname(file).split("/");
  return { action, entry: rest.join("/") || "main" };
}

const sourceOf = (action: string, file: string): string =>
  readFileSync(join(import.meta.dirname, action, "src", file), "utf8");

/** The names in the object that an entry gives to `setOutputs`, those of `...totals(…)` too. */
function outputsSet(action: string, entry: string): string[] {
  const source = sourceOf(action, `${entry}.ts`);
  const body = /setOutputs\(\{([\s\S]*?)\}\);/.exec(source)?.[1];
  if (body === undefined) return [];
  const keys = (text: string): string[] =>
    text
      .replace(/\([^()]*\)|\{[^{}]*\}/g, "") // arguments and objects in the values
      .replace(/\([^()]*\)/g, "")
      .split(",")
      .flatMap((part) => /^\s*"?([\w-]+)"?\s*(?::|$)/.exec(part)?.[1] ?? []);
  const spread = /\.\.\.totals\(/.test(body)
    ? keys(/return \{([\s\S]*?)\n {2}\};/.exec(sourceOf(action, "report.ts"))?.[1] ?? "")
    : [];
  return [...spread, ...keys(body)].sort();
}

test("there are actions", () => {
  expect(files).toEqual(
    expect.arrayContaining([
      "ml-test-select/action.yml",
      "ml-test-select/exec/action.yml",
      "telemetry-upload/action.yml",
      "telemetry-upload/record/action.yml",
    ]),
  );
});

test.each(files)("the inputs of %s are those that its code declares", async (file) => {
  const { action, entry } = entryOf(file);
  const inputs = (await import(join(import.meta.dirname, action, "src/inputs.ts"))) as Record<string, Fields>;
  const name = `${entry.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}Inputs`;
  expect(inputs[name], `${action}/src/inputs.ts has no ${name}`).toBeDefined();
  expect(checkDeclaration(inputs[name] ?? {}, metadataOf(file))).toEqual([]);
});

const composites = files.filter((file) => metadataOf(file).runs.using === "composite");
const programs = files.filter((file) => !composites.includes(file));

test.each(composites)("%s hands each input on, and has the outputs of its sub-action", (file) => {
  const { inputs = {}, outputs = {}, runs, name } = metadataOf(file);
  expect(name).toBe(`GOATnote ${dirname(file)}`);
  const steps = runs.steps ?? [];
  const own = steps.find(({ uses }) => uses?.startsWith(`$/dist/${dirname(file)}/`));
  const inner = metadataOf(`${own?.uses?.slice("$/dist/".length)}/action.yml`);
  const handed = Object.entries(own?.with ?? {});
  expect(handed.map(([input]) => input)).toEqual(Object.keys(inner.inputs ?? {}));
  for (const [input, value] of handed) {
    expect(value).toBe(`\${{ inputs.${input} }}`);
    expect(inputs[input]).toEqual(inner.inputs?.[input]);
  }
  // What is not handed on is read by another step, as a variable and never inside a script.
  const read = JSON.stringify(steps.filter((step) => step !== own).map(({ env }) => env));
  const rest = Object.keys(inputs).filter((input) => !(input in (own?.with ?? {})));
  expect(rest.filter((input) => !read.includes(`inputs.${input} `))).toEqual([]);
  expect(Object.entries(outputs).map(([output, { description, value }]) => [output, description, value])).toEqual(
    Object.entries(inner.outputs ?? {}).map(([output, { description }]) => [
      output,
      description,
      `\${{ steps.${own?.id}.outputs.${output} }}`,
    ]),
  );
  for (const { uses } of steps.filter((step) => step !== own)) expect(uses ?? "@").toMatch(/^@$|@[0-9a-f]{40}$/);
});

test.each(programs)("the outputs of %s are those that its code sets", (file) => {
  const { action, entry } = entryOf(file);
  const { outputs = {} } = metadataOf(file);
  expect(outputsSet(action, entry)).toEqual(Object.keys(outputs).sort());
  expect(Object.values(outputs).filter(({ description }) => !description)).toEqual([]);
});

test.each(programs)("%s starts a file that is there, on Node 24", (file) => {
  const { runs, name, description } = metadataOf(file);
  const { action, entry } = entryOf(file);
  expect(name).toBe(`GOATnote ${action}${entry === "main" ? "" : `/${entry}`}`);
  expect(description).not.toBe("");
  expect(runs.using).toBe("node24");
  for (const program of [runs.main, runs.post].filter((each) => each !== undefined)) {
    const path = join(import.meta.dirname, dirname(file), program);
    expect(existsSync(path), path).toBe(true);
    expect(sourceOf(action, "index.ts")).toMatch(
      new RegExp(`\\b${/run\("([\w-]+)"\)/.exec(readFileSync(path, "utf8"))?.[1]}\\b`),
    );
  }
  expect(runs.main).toBeDefined();
});
