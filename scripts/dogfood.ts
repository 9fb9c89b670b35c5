/**
 * Rehearses `.github/workflows/dist.yml` on this commit: dist/ is built twice under all variations that this machine allows,
 * by the committed repro-check, and compared.
 *
 *   node scripts/dogfood.ts
 */
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { rehearse, startBackend } from "@goatnote/rehearsal";

const root = dirname(import.meta.dirname);
const git = (...args: string[]): string => execFileSync("git", ["-C", root, ...args], { encoding: "utf8" }).trim();
const sha = git("rev-parse", "HEAD");
const backend = await startBackend({ repository: "goatnote/actions", defaultBranch: "main" });
try {
  const { conclusion, jobs } = await rehearse({
    workflow: ".github/workflows/dist.yml",
    repository: root,
    event: { name: "push", payload: { ref: "refs/heads/main", after: sha } },
    ref: "refs/heads/main",
    sha,
    backend,
    actions: join(root, "dist"),
    onLog: (line) => console.log(line),
  });
  console.log(jobs.map(({ summary }) => summary).join("\n"));
  if (conclusion !== "success") process.exitCode = 1;
} finally {
  await backend.close();
}
