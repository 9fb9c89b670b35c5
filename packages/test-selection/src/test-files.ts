/** Test files whose content the history does not know. */
import { parse } from "node:path";
import type { Past } from "./past.ts";
import type { PlannedFile } from "./plan.ts";
import { projectsIn } from "./runners/index.ts";
import type { ChangedNow, Situation } from "./situation.ts";

/**
 * Test files, or packages, that run as a whole: those that the change or an unrecorded commit touched, so that any test in
 * them may be new, and packages without tests whose build the change may break.
 */
export function wholeFiles(
  past: Past,
  { files, unrecorded, runner, compiled = [] }: Omit<Situation, "change">,
  changes: readonly ChangedNow[],
): PlannedFile[] {
  if (runner === null) return [];
  const known = new Set([...past.memory.tests.values()].flatMap(({ file }) => file ?? []));
  // Folders are known by the runner's own file names only, which no project can change.
  const unusual = new Set(
    runner.granularity === "folder" ? [] : [...known].filter((file) => !runner.isTestFile(file)).flatMap(likenesses),
  );
  const renamed = new Set(
    changes.flatMap(({ path, renamedFrom }) => (known.has(renamedFrom?.normalize() ?? "") ? [path] : [])),
  );
  const isTestFile = (path: string): boolean =>
    known.has(path) || runner.isTestFile(path) || renamed.has(path) || mayBeLike(path).some((key) => unusual.has(key));
  const units = (paths: readonly string[]): Set<string> => new Set(paths.flatMap((path) => runner.unitOf(path) ?? []));
  const changed = units(changes.map(({ path }) => path));
  const stale = unrecorded.kind === "known" ? units(unrecorded.files.map(({ path }) => path)) : null;
  const whole = [...units(files.filter(isTestFile))].flatMap((path) => {
    if (changed.has(path)) return { path, reason: "the change edits it" };
    if (stale ? stale.has(path) : !known.has(path)) return { path, reason: "it changed after the latest recorded run" };
    return [];
  });
  const built = compiled.map((path) => ({ path, reason: "it has no tests, and the change may break its build" }));
  // What the recorded runs never ran is of a project that the runner is not started in.
  const tracked = new Set(files);
  const projectOf = projectsIn(runner, (path) => tracked.has(path));
  const projects = new Set([...known].map(projectOf));
  return [...whole, ...built].filter(({ path }) => runner.boundary === undefined || projects.has(projectOf(path)));
}

/** Where a project names its test files unusually, others below the same folder or with the same first or last word may hold tests too. */
function likenesses(path: string): string[] {
  const { dir, name, ext } = parse(path);
  const words = name.split(/[_.-]/);
  return [`${dir}/*${ext}`, `${words[0]}*${ext}`, `*${words.at(-1)}${ext}`];
}

/** What may be like a path: {@link likenesses} of it, and of the folders above it but the root. */
function mayBeLike(path: string): string[] {
  const { dir, ext } = parse(path);
  const folders = dir.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/"));
  return [...likenesses(path), ...folders.filter(Boolean).map((folder) => `${folder}/*${ext}`)];
}
