import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WorkflowContext } from "@goatnote/action-io";
import { expect, test } from "vitest";
import { outputFolder } from "./output.ts";

test("each step has a folder of its own, and one that is given holds nothing of an earlier check", async () => {
  const temp = mkdtempSync(join(tmpdir(), "output-"));
  try {
    const context = { workspace: temp, temp: join(temp, "_temp") } as WorkflowContext;
    const [first, second] = [await outputFolder("", context, []), await outputFolder("", context, [])];
    expect([first, second]).toEqual([join(temp, "_temp/repro-check"), join(temp, "_temp/repro-check-2")]);
    const given = await outputFolder("mine", context, []);
    for (const name of ["report.json", "other"]) writeFileSync(join(given, name), "of before");
    expect(await outputFolder("mine", context, ["report.json"])).toBe(given);
    expect(readdirSync(given)).toEqual(["other"]);
  } finally {
    rmSync(temp, { recursive: true });
  }
});
