import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Machine } from "./machine.ts";
import { preparations, type Workshop } from "./variations.ts";

test.skipIf(process.platform === "win32")("a locale where LOCPATH points is taken, and none is made", async () => {
  const folder = mkdtempSync(join(tmpdir(), "locales-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "et_EE.UTF-8"));
  const asked: string[][] = [];
  const machine = {
    platform: process.platform,
    environment: { PATH: process.env.PATH, LOCPATH: `/nowhere:${folder}` },
    has: () => true,
    works: async (...argv: string[]) => {
      asked.push(argv);
      return true;
    },
  };
  const prepared = await preparations.locale({ machine: machine as unknown as Machine, folder } as Workshop);
  expect(prepared).toMatchObject({ change: { env: { LC_ALL: "et_EE.UTF-8" } } });
  expect("change" in prepared && prepared.change.env).not.toHaveProperty("LOCPATH");
  expect(asked).toEqual([]);
});
