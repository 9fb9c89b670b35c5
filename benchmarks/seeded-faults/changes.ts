/** The commits of a checkout's main line, and the lines that each put in. */
import { execFileSync } from "node:child_process";

/** One commit of the main line. */
export interface Commit {
  sha: string;
  parent: string;
  /** ISO 8601, UTC. */
  date: string;
}

export const git = (repo: string, ...args: string[]): string =>
  execFileSync("git", ["-C", repo, "-c", "core.quotePath=false", ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "pipe"],
  });

/** The main line, oldest first, without the first commit of all. */
export function mainLine(repo: string): Commit[] {
  const lines = git(repo, "log", "--first-parent", "--reverse", "--format=%H %P %ct").trim().split("\n");
  return lines.flatMap((line) => {
    const parts = line.split(" ").filter(Boolean);
    const [sha, parent] = parts;
    const date = new Date(Number(parts.at(-1)) * 1000).toISOString();
    return parts.length > 2 ? [{ sha: sha!, parent: parent!, date }] : [];
  });
}

/** Numbers of the lines that a commit put into each file, from 1, in the file as it is after it. */
export function linesPutIn(repo: string, { sha, parent }: Commit): Map<string, number[]> {
  const files = new Map<string, number[]>();
  const flags = ["--unified=0", "--no-renames", "--diff-filter=AM", "--no-color", "--no-ext-diff", "--no-textconv"];
  let lines: number[] = [];
  for (const line of git(repo, "diff", ...flags, parent, sha, "--").split("\n")) {
    const [, path] = line.match(/^\+\+\+ b\/(.*?)\t?$/) ?? [];
    if (path) {
      lines = [];
      files.set(path, lines);
    }
    const [, start, count = "1"] = line.match(/^@@ -\S+ \+(\d+)(?:,(\d+))? @@/) ?? [];
    for (let at = 0; start && at < Number(count); at += 1) lines.push(Number(start) + at);
  }
  return files;
}
