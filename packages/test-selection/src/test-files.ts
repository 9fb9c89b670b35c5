/** Test files whose content the history does not know. */
import { parse } from "node:path";
import { parseTestId } from "@goatnote/ci-history";
import type { Past } from "./past.ts";
import type { PlannedFile } from "./plan.ts";
import { projectsIn } from "./runners/index.ts";
import type { Runner } from "./runners/runner.ts";
import type { ChangedNow, Situation } from "./situation.ts";
import { unbuiltFolders } from "./units.ts";

/**
 * Test files, or packages, that run as a whole: those that the change or an unrecorded commit touched, so that any test in
 * them may be new, and packages without tests whose build the change may break.
 */
export function wholeFiles(
  past: Past,
  { files, unrecorded, runner, compiled = [], holdingTests = [] }: Omit<Situation, "change">,
  changes: readonly ChangedNow[],
): PlannedFile[] {
  if (runner === null) return [];
  const known = new Set([...past.memory.tests.values()].flatMap(({ file }) => file ?? []));
  const isLike = likeness(
    runner,
    [...known].filter((file) => !runner.isTestFile(file)),
    past,
  );
  const renamed = new Set(
    changes.flatMap(({ path, renamedFrom }) => (known.has(renamedFrom?.normalize() ?? "") ? [path] : [])),
  );
  const holding = new Set(holdingTests);
  const isTestFile = (path: string): boolean =>
    known.has(path) || runner.isTestFile(path) || renamed.has(path) || holding.has(path) || isLike(path);
  const units = (paths: readonly string[]): Set<string> => new Set(paths.flatMap((path) => runner.unitOf(path) ?? []));
  const changed = units(changes.map(({ path }) => path));
  const stale = unrecorded.kind === "known" ? units(unrecorded.files.map(({ path }) => path)) : null;
  const whole = [...units(files.filter(isTestFile))].flatMap((path) => {
    if (changed.has(path)) return { path, reason: "the change edits it" };
    if (stale ? stale.has(path) : !known.has(path)) return { path, reason: "it changed after the latest recorded run" };
    return [];
  });
  const present = files.filter((path) => known.has(path));
  const paths = changes.map(({ path }) => path);
  const besides = runner.besides?.(present, paths);
  const built = [
    ...compiled.map((path) => ({ path, reason: "it has no tests, and the change may break its build" })),
    ...unbuiltFolders(past, { runner, files })
      .filter((path) => !compiled.includes(path))
      .map((path) => ({ path, reason: "it has no tests, and did not build in its last run" })),
  ];
  // What the recorded runs never ran is of a project that the runner is not started in.
  const tracked = new Set(files);
  const projectOf = projectsIn(runner, (path) => tracked.has(path));
  const projects = new Set([...known].map(projectOf));
  if (besides && !whole.some(({ path }) => path === besides.file))
    whole.push({ path: besides.file, reason: besides.reason });
  return [...whole, ...built].filter(({ path }) => runner.boundary === undefined || projects.has(projectOf(path)));
}

const folderOfTests = /(?:^|\/)(?:tests?|__tests__|specs?)(?:\/|$)/i;
const noTests = /(?:^|\/)(?:__)?(?:fixtures?|mocks?|snapshots?|testdata|data|helpers?|support|utils?)(?:__)?\//i;

/**
 * Where a project names its test files unusually, these may hold tests too: files in the same folder, with the same first word,
 * or the same last word that says so (`shop_tests.py`); those below the same folder of tests; and below a folder of modules
 * with examples that pytest runs.
 * @param known test files that the runner would not take for such
 */
function likeness(runner: Runner, known: readonly string[], past: Past): (path: string) => boolean {
  // Folders are known by the runner's own file names only, which no project can change.
  if (runner.granularity === "folder") return () => false;
  const keys = new Set(known.flatMap(keysOf));
  const withExamples = new Set(
    [...past.memory.tests.values()].flatMap(({ id, file }) =>
      file !== null && isExample(id, file) ? [topOf(file)] : [],
    ),
  );
  const folders = new Set(known.map((file) => parse(file)).map(({ dir, ext }) => `${dir}/*${ext}`));
  return (path) => {
    if (keysOf(path).some((key) => keys.has(key))) return true;
    if (withExamples.has(topOf(path))) return true;
    // Such a runner starts what it is told, and a fixture is no test.
    if (runner.startsAnyFile || noTests.test(path)) return false;
    const { dir, ext } = parse(path);
    const above = dir.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/"));
    return above.some((folder) => folderOfTests.test(folder) && folders.has(`${folder}/*${ext}`));
  };
}

function keysOf(path: string): string[] {
  const { dir, name, ext } = parse(path);
  const words = name.split(/[_.-]/);
  const last = words.at(-1)!;
  return [
    `${dir}/*${ext}`,
    `${words[0]}*${ext}`,
    ...(/^(?:test|spec|case|check)s?$/i.test(last) ? [`*${last}${ext}`] : []),
    // Tests of types.
    ...(/\.(?:test|spec)-d$/.test(name) ? [`*-d${ext}`] : []),
  ];
}

const topOf = (path: string): string => `${path.slice(0, path.indexOf("/") + 1)}*${parse(path).ext}`;

/** Whether a test is of the examples in a text, by whose name it is called, or in a module: its name begins with the module's path. */
function isExample(id: string, file: string): boolean {
  const { name } = parseTestId(id);
  const { base, ext } = parse(file);
  if (ext !== ".py") return name === base;
  const module = file.slice(0, -ext.length).replaceAll("/", ".");
  const names = name.split(".");
  return names.some((_, index) => index > 0 && `.${module}`.endsWith(`.${names.slice(0, index).join(".")}`));
}
