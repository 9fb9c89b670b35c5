/** Test files whose content the history does not know. */
import { parse } from "node:path";
import type { FileChange } from "@goatnote/ci-history";
import type { Past } from "./past.ts";
import type { PlannedFile } from "./plan.ts";
import type { Situation } from "./situation.ts";

/** Test files, or packages, that run as a whole: those that the change or an unrecorded commit touched, so that any test in them may be new. */
export function wholeFiles(
  past: Past,
  { files, unrecorded, runner }: Omit<Situation, "change">,
  changes: readonly FileChange[],
): PlannedFile[] {
  if (runner === null) return [];
  const known = new Set([...past.memory.tests.values()].flatMap(({ file }) => file ?? []));
  // Folders are known by the runner's own file names only, which no project can change.
  const unusual = new Set(
    runner.granularity === "folder" ? [] : [...known].filter((file) => !runner.isTestFile(file)).flatMap(likenesses),
  );
  const isTestFile = (path: string): boolean =>
    known.has(path) || runner.isTestFile(path) || likenesses(path).some((key) => unusual.has(key));
  const units = (paths: readonly string[]): Set<string> => new Set(paths.flatMap((path) => runner.unitOf(path) ?? []));
  const changed = units(changes.map(({ path }) => path));
  const stale = unrecorded.kind === "known" ? units(unrecorded.files.map(({ path }) => path)) : null;
  return [...units(files.filter(isTestFile))].flatMap((path) => {
    if (changed.has(path)) return { path, reason: "the change edits it" };
    if (stale ? stale.has(path) : !known.has(path)) return { path, reason: "it changed after the latest recorded run" };
    return [];
  });
}

/** Where a project names its test files unusually, a new file in the same folder or with the same first word may hold tests too. */
function likenesses(path: string): string[] {
  const { dir, name, ext } = parse(path);
  return [`${dir}/*${ext}`, `${name.split(/[_.-]/)[0]}*${ext}`];
}
