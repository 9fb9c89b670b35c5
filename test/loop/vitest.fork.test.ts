/** ci.yml over a small project: what vitest really ran is what its tests wrote down themselves. */
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { example, Lab, root } from "./lab.ts";

// Jobs work below this folder, where the project finds the clone's vitest as packages of a monorepo find theirs.
const temp = mkdtempSync(join(tmpdir(), "loop-"));
Object.assign(process.env, { TMPDIR: temp, TEMP: temp, TMP: temp });
symlinkSync(join(root, "node_modules"), join(temp, "node_modules"), "junction");
const [witness, canary] = [join(temp, "witness"), join(temp, "canary")];
let lab: Lab;

const titles = [
  "a b",
  'it\'s "quoted"',
  "`touch $CANARY`",
  "$(touch $CANARY)",
  "; touch $CANARY;",
  "日本語 тест",
  "two\nlines",
  "a | b > c",
  "-t",
];
// What shares a word with the source is likelier to break, so that alpha can rest.
const files = [
  "alpha",
  ...["x", "g a;m`m`a", "délta 日本", "e'psi\"lon", "$(touch $CANARY)", "&& x"].map((name) => `beta ${name}`),
];
/** A test file; each test writes its file's name down. */
const file = (name: string, source: string): string => `
import { appendFileSync } from "node:fs";
import { expect, test } from "vitest";
import { x } from ${JSON.stringify(`../src/${source}.js`)};
for (const title of ${JSON.stringify(titles)}) test(title, () => {
  appendFileSync(process.env.WITNESS, ${JSON.stringify(`${name}\0`)});
  expect(x).toBe(1);
});
`;
const called = (): string[] => {
  const names = existsSync(witness) ? readFileSync(witness, "utf8").split("\0").filter(Boolean) : [];
  rmSync(witness, { force: true });
  return [...new Set(names)].sort();
};
const source = (name: string): string => (name === "alpha" ? "alpha" : "beta");

beforeAll(async () => {
  const manifest = { name: "lab", version: "1.0.0", private: true, type: "module" };
  const lock = {
    name: "lab",
    version: "1.0.0",
    lockfileVersion: 3,
    requires: true,
    packages: { "": { name: "lab", version: "1.0.0" } },
  };
  lab = await Lab.make(
    {
      ".github/workflows/ci.yml": example("ci.yml"),
      ".gitignore": "node_modules/\nreports/\nplan/\n",
      "package.json": JSON.stringify(manifest),
      "package-lock.json": JSON.stringify(lock),
      "src/alpha.js": "export const x = 1;\n",
      "src/beta.js": "export const x = 1;\n",
      ...Object.fromEntries(files.map((name) => [`test/${name}.test.js`, file(name, source(name))])),
    },
    { env: { WITNESS: witness, CANARY: canary } },
  );
  await lab.push();
});
afterAll(async () => {
  await lab.close();
  rmSync(temp, { recursive: true, force: true });
});

test("from report to history to plan to vitest, hostile names and all, and no shell reads them", async () => {
  expect(called()).toEqual([...files].sort());
  // All but alpha fail, so that the net of what failed last names each hostile file to vitest.
  const red = await lab.push({ "src/beta.js": "export const x = 2;\n" });
  expect(red.conclusion, red.log).toBe("failure");
  called();
  const pull = await lab.pull({ "src/beta.js": "export const x = 1;\n" });
  expect(pull.plan.mode, pull.plan.reason).toBe("select");
  expect(called(), pull.log).toEqual(files.filter((name) => name !== "alpha").sort());
  expect(pull.conclusion).toBe("success");
  expect(pull.rested).toEqual([...titles].sort());
  expect(pull.annotations("warning")).toEqual([]);
  expect(existsSync(canary)).toBe(false);
});

test("a new test file and an edited one run, and what fails there fails the job", async () => {
  const pull = await lab.pull({
    "src/beta.js": "export const x = 1;\n",
    "test/new.test.js": file("new", "alpha").replace("toBe(1)", "toBe(2)"),
  });
  expect(called()).toContain("new");
  expect([pull.conclusion, pull.conclusionOf("test")]).toEqual(["failure", "failure"]);
});

test("an edited vitest.config.js runs everything", async () => {
  const pull = await lab.pull({ "src/beta.js": "export const x = 1;\n", "vitest.config.js": "export default {};\n" });
  expect(called()).toEqual([...files].sort());
  expect(pull.plan.mode).toBe("all");
});
