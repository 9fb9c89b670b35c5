/** A process of the tests: appends segments to the store in a folder until none is left, and says which are there. */
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { fileStore } from "./file-store.ts";
import { sampleRun } from "./sample-run.ts";
import { encodeSegment, segmentPath } from "./segment.ts";

const [folder, writer, count] = process.argv.slice(2);
const store = fileStore(folder!);
// Some 100 kB that do not compress, so that a write takes long enough to be caught half done.
const tests = Array.from({ length: 500 }, () => ({
  ...sampleRun().tests[0]!,
  id: randomBytes(200).toString("base64"),
}));
for (let i = 0; i < Number(count); i++) {
  // Each run is written by two writers, so that they race for one name as well.
  const run = sampleRun({ run_id: String(Math.floor(Number(writer) / 2)), run_attempt: i + 1, tests });
  await store.append(segmentPath(run), encodeSegment(run));
  writeSync(1, `${segmentPath(run)}\n`);
}
