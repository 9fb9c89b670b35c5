import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runAction } from "../test/action-process.ts";

/** The outputs as the runner reads them from its file, and what was printed. */
async function outputsOf(values: string): Promise<{ outputs: Record<string, string>; stdout: string }> {
  const folder = await mkdtemp(join(tmpdir(), "outputs-"));
  const file = join(folder, "output");
  await writeFile(file, "");
  const { code, stdout, stderr } = await runAction(`io.setOutputs(${values});`, { GITHUB_OUTPUT: file });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const written = (await readFile(file, "utf8")).replaceAll("\r\n", "\n");
  await rm(folder, { recursive: true });
  const entries = [...written.matchAll(/^(.+?)<<(.+)\n([\s\S]*?)\n\2\n/gm)].map(([, name, , value]) => [name!, value!]);
  return { outputs: Object.fromEntries(entries), stdout };
}

test("every kind of value has its text", async () => {
  const { outputs, stdout } = await outputsOf(`{
    text: "é €", lines: "a\\n\\nb=c\\n::error::x\\nEOF", zero: 0, share: 0.5, no: false, yes: true,
    list: ["a", { b: 1 }], nothing: null, absent: undefined, empty: "" }`);
  expect(outputs).toEqual({
    text: "é €",
    lines: "a\n\nb=c\n::error::x\nEOF",
    zero: "0",
    share: "0.5",
    no: "false",
    yes: "true",
    list: '["a",{"b":1}]',
    nothing: "",
    absent: "",
    empty: "",
  });
  expect(stdout).toBe("");
});

test("a value that is too long is left empty, with a warning that names it", async () => {
  const { outputs, stdout } = await outputsOf('{ long: "x".repeat(500_001), fits: "y".repeat(500_000), after: 1 }');
  expect(outputs).toEqual({ long: "", fits: "y".repeat(500_000), after: "1" });
  expect(stdout).toMatch(/^::warning::Output `long` has 500001 characters, more than .*\n$/);
});
