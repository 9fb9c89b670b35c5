import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder for the test that runs now, gone when it has ended. For tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "rehearsal-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
