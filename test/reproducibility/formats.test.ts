/** Archives that real tools make and that are too large for the zoo. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explainResults, scan } from "@goatnote/build-comparison";
import { expect, test } from "vitest";
import { sampleScene } from "../../packages/build-comparison/src/samples.ts";
import { onPath } from "./tools.ts";

const members = 66_000;
// More members than fit into 16 bits, and one that is written without a known size: both kinds of zip64.
const script = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as out:
    for i in range(${members}):
        out.writestr(zipfile.ZipInfo("f%d" % i, (2020, 1, 1, 0, 0, 0)), "")
    info = zipfile.ZipInfo("last", (int(sys.argv[2]), 1, 1, 0, 0, 0))
    with out.open(info, "w", force_zip64=True) as last:
        last.write(sys.argv[3].encode())
`;

test("a zip64 of Python is opened to its last member", async ({ skip }) => {
  if (!onPath("python3")) skip("needs python3");
  const folder = mkdtempSync(join(tmpdir(), "zip64-"));
  try {
    const results = [];
    for (const [name, year, host] of [
      ["first", "2020", "runner-7"],
      ["second", "2021", "second-build"],
    ] as const) {
      const own = mkdtempSync(join(folder, name));
      execFileSync("python3", ["-c", script, join(own, "out.zip"), year, host]);
      const end = readFileSync(join(own, "out.zip")).subarray(-42);
      expect(end.readUInt32LE(0)).toBe(0x07064b50);
      results.push({ folder: own, entries: await scan(own, [own]) });
    }
    const found = await explainResults(results[0]!, results[1]!, sampleScene);
    expect(found.map(({ place, what, causes }) => [place.join("/"), what, causes.join()])).toEqual([
      ["out.zip", "mtime", "mtime"],
      ["out.zip/last", "content", "hostname"],
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
