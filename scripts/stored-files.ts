/** The history in a repository on this machine, read by git alone. */
import { execFileSync } from "node:child_process";
import { decodeRuns, HISTORY_REF, parseSegmentPath, type Run } from "@goatnote/ci-history";

/** The files in `refs/telemetry/v1` of a repository's folder; none where there is no such ref. */
export function storedFiles(folder: string): { name: string; content: Buffer }[] {
  const git = (...args: string[]): Buffer => execFileSync("git", ["-C", folder, ...args], { maxBuffer: 1 << 28 });
  if (git("for-each-ref", HISTORY_REF).length === 0) return [];
  const names = git("ls-tree", "-r", "--name-only", HISTORY_REF).toString().trim().split("\n");
  return names.map((name) => ({ name, content: git("cat-file", "blob", `${HISTORY_REF}:${name}`) }));
}

/** The records of one run of CI, one per test job. */
export function storedRuns(folder: string, runId: number): Run[] {
  return storedFiles(folder)
    .filter(({ name }) => parseSegmentPath(name)?.run === String(runId))
    .flatMap(({ name, content }) => decodeRuns(content, name));
}
