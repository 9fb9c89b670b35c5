/** Every workflow and every step that a reader can copy is what GitHub and our actions accept, by GitHub's language service. */
import { globSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { knownActions, usedActions } from "../../scripts/other-actions.ts";
import { problems } from "./language-service.ts";
import { blocks, pages, read, root } from "./pages.ts";

const workflows = globSync(["workflows-examples/*.yml", ".github/workflows/*.yml"], { cwd: root }).sort();

test.each(workflows)("%s", async (file) => {
  expect(await problems(read(file))).toEqual([]);
});

const yamlOf = (page: string) => blocks(page).filter(({ language }) => /^ya?ml$/.test(language));

test.each(pages.filter((file) => yamlOf(read(file)).length > 0))("the YAML in %s", async (file) => {
  for (const { line, text } of yamlOf(read(file))) {
    const found = await problems(text);
    expect(found ?? [], `${file}:${line}`).toEqual([]);
    // A block that names an action of ours and is not understood would be looked at by nobody.
    if (/uses: goatnote\//.test(text))
      expect(found, `${file}:${line} is neither a workflow nor a part of one`).not.toBeNull();
  }
});

const composites = globSync("actions/**/action.yml", { cwd: root }).filter((file) =>
  /using: composite/.test(read(file)),
);

test.each(composites)("the steps of %s", async (file) => {
  const { runs } = parse(read(file));
  // The service knows no inputs outside of an action.
  expect(await problems(stringify(runs.steps).replace(/\$\{\{ inputs\.[\w-]+ \}\}/g, "x"))).toEqual([]);
});

test("what is known of the actions of others is of those that are used, and tells where it is read at another commit", () => {
  const known = knownActions();
  expect(Object.keys(known), "run: node scripts/other-actions.ts").toEqual([...usedActions().keys()]);
  for (const [used, { read: of, unchecked, inputs }] of Object.entries(known)) {
    expect(inputs.length).toBeGreaterThan(0);
    const [, commit = ""] = used.split("@");
    if (of.endsWith(`@${commit}`)) expect(unchecked).toBeUndefined();
    else console.log(`${used} is checked against ${of}: ${unchecked}.`);
  }
});

describe("is noticed", () => {
  const checkout = Object.keys(knownActions()).find((name) => name.startsWith("actions/checkout@"))!;
  const good = `on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: ${checkout}
        id: code
        with:
          fetch-depth: 0
      - run: echo "$REF"
        env:
          REF: \${{ steps.code.outputs.commit }}
      - uses: goatnote/ml-test-select/exec@v1
        id: run
        with:
          plan: plan.json
          runner: pytest
`;
  test("and a good workflow is not", async () => {
    expect(await problems(good)).toEqual([]);
  });

  test.each([
    ["an input that the action does not have", "runner: pytest", "runner: pytest\n          rest: x"],
    ["a required input that is missing", "          runner: pytest\n", ""],
    ["an action that does not exist", "ml-test-select/exec", "ml-test-select/exek"],
    ["a key that GitHub does not know", "runs-on:", "runz-on:"],
    ["a job that needs one that is not there", "    steps:", "    needs: b\n    steps:"],
    ["an expression that is none", "plan: plan.json", "plan: ${{ steps. }}"],
    ["an input that an action of others does not have", "fetch-depth", "fetch-dept"],
    ["an output that an action of others does not have", "outputs.commit", "outputs.comit"],
    ["an action of others at a commit that nobody has looked at", checkout, `${checkout.slice(0, -7)}0000000`],
    ["an output of a step that is not there", "plan: plan.json", "plan: ${{ steps.nobody.outputs.x }}"],
  ])("%s", async (_, from, to) => {
    expect(good).toContain(from);
    expect(await problems(good.replace(from, () => to))).not.toEqual([]);
  });

  test("in steps alone, too", async () => {
    expect(await problems("- uses: goatnote/repro-check@v1\n  with:\n    bild: make\n")).not.toEqual([]);
    expect(await problems("steps:\n  - uses: goatnote/repro-check@v1\n    with:\n      bild: make\n")).not.toEqual([]);
  });
});
