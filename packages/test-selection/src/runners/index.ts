import { posix } from "node:path";
import { parseTestId } from "@goatnote/ci-history";
import type { Plan } from "../plan.ts";
import { goTest } from "./go-test.ts";
import { jest } from "./jest.ts";
import { nodeTest } from "./node-test.ts";
import { pytest } from "./pytest.ts";
import type { Runner, Target } from "./runner.ts";
import { vitest } from "./vitest.ts";

export type { Runner, Start, Target, Wanted } from "./runner.ts";

/** The runners that can be told what to run. */
export const runners = { pytest, vitest, jest, "node-test": nodeTest, "go-test": goTest };

/**
 * What the runner can be told to run, of files that exist: the files, or the folders that hold test files.
 * @param files relative to the repository
 */
export const unitsIn = (runner: Runner | null, files: readonly string[]): string[] =>
  runner?.granularity === "folder" ? foldersOf(files.filter(runner.isTestFile)) : [...files];

/** Folders that the runner compiles, with tests or without; none for runners of files. */
export const compiledIn = (runner: Runner | null, files: readonly string[]): string[] =>
  runner?.compiles === undefined ? [] : foldersOf(files.filter(runner.compiles));

const foldersOf = (files: readonly string[]): string[] => [...new Set(files.map((path) => posix.dirname(path)))];

/** Says in which project below the root a folder is, where a file marks those: the innermost folder that holds it; null where none does. */
export function projectsIn({ boundary }: Runner, has: (path: string) => boolean): (folder: string) => string | null {
  if (boundary === undefined) return () => null;
  const { file, joins } = boundary;
  return (folder) => {
    const above = folder === "." ? [] : folder.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/"));
    if ([".", ...above].some((at) => has(posix.join(at, joins)))) return null;
    return above.findLast((at) => has(`${at}/${file}`)) ?? null;
  };
}

// Linux refuses a command line above 2 MiB and one argument above 128 KiB; Windows one above 32,767 characters.
const mostCharacters = process.platform === "win32" ? 20_000 : 500_000;

export type Locate = (path: string, isWhole: boolean) => string | null;

/** What the runner is told: arguments, or null where everything is to be run, with the reason in words. */
export type Arguments = { args: string[] } | { args: null; reason: string };

/**
 * The arguments that make a runner run what the plan chose, and no less.
 * @param locate the path as it stands in the work tree, or null where it is missing; a folder has to hold tests, or, where
 * it runs as a whole, what the runner compiles
 * @param shard run only this shard's part, from 1
 */
export function argumentsFor(plan: Plan, runner: Runner, locate: Locate, shard?: number): Arguments {
  if (plan.mode === "prioritize" && runner.ordered && shard === undefined) return inOrder(plan, runner, locate);
  // A shard of everything is made of whole files. Without history nobody knows which files those are.
  if (plan.run === "all" && (shard === undefined || plan.tests.length === 0))
    return { args: null, reason: plan.reason };
  const nameless = plan.tests.find((test) => (plan.run === "all" || test.chosen) && test.file === null);
  if (nameless) return { args: null, reason: `the file of ${nameless.id} is not known` };

  const mine = (planned: { shard?: number }): boolean => shard === undefined || planned.shard === shard;
  const whole = new Set(plan.files.filter(mine).map(({ path }) => path));
  const targets: Target[] = [...whole].map((file) => ({ file }));
  for (const [file, tests] of Map.groupBy(plan.tests.filter(mine), (test) => test.file as string)) {
    const chosen = plan.run === "all" ? tests : tests.filter((test) => test.chosen);
    if (whole.has(file) || chosen.length === 0) continue;
    const entirely = runner.granularity !== "test" || chosen.length === tests.length;
    // A test may need what one before it in its file has left.
    const inPlace = chosen.toSorted((a, b) => (a.place ?? 0) - (b.place ?? 0));
    targets.push(...(entirely ? [{ file }] : inPlace.map(({ id }) => ({ file, test: parseTestId(id) }))));
  }
  return tell(runner, targets.toSorted(byPath), whole, locate);
}

/** As runners do by themselves: folder by folder, in order of name. */
function byPath({ file: a }: Target, { file: b }: Target): number {
  const [left, right] = [a.split("/"), b.split("/")];
  const at = left.findIndex((name, index) => name !== right[index]);
  if (at < 0) return left.length - right.length;
  return left[at]! < (right[at] ?? "") ? -1 : 1;
}

/**
 * The same arguments with what keeps the runner at its settings.
 * @param folder where it is started, absolute
 */
export function withSettings(told: Arguments, runner: Runner, folder: string): Arguments {
  if (told.args === null || told.args.length === 0) return told;
  const options = runner.settings ? runner.settings(folder, told.args) : [];
  if (options !== null) return { args: [...told.args, ...options] };
  return {
    args: null,
    reason: `${runner.name} has no settings here, and would take those of a project within for what it is told`,
  };
}

/** Why a part of a plan is nothing that the runner can be told, in any of its shards; null where all can be. */
export function whyUntold(plan: Plan, runner: Runner, locate: Locate): string | null {
  const shards = plan.shards > 1 ? Array.from({ length: plan.shards }, (_, index) => index + 1) : [undefined];
  for (const shard of shards) {
    const told = argumentsFor(plan, runner, locate, shard);
    if (told.args === null) return told.reason;
  }
  return null;
}

/** Likely failures first, then every test file: what was named before is not run twice. */
function inOrder(plan: Plan, runner: Runner, locate: Locate): Arguments {
  const first = plan.tests.filter((test) => test.chosen && test.file !== null);
  const files = new Set([...plan.files.map(({ path }) => path), ...plan.tests.map(({ file }) => file)]);
  if (plan.confidence === 1 || files.has(null)) return { args: null, reason: plan.reason };
  const targets = [
    ...first.map(({ id, file }) => ({ file: file as string, test: parseTestId(id) })),
    ...[...files].map((file) => ({ file: file as string })),
  ];
  return tell(runner, targets, new Set(), locate);
}

function tell(runner: Runner, targets: Target[], whole: ReadonlySet<string>, locate: Locate): Arguments {
  if (targets.length === 0) return { args: [] };
  if (targets.every(({ file }) => locate(file, whole.has(file))?.startsWith("../")))
    return { args: null, reason: `all that is chosen lies outside of the folder that ${runner.name} is started in` };
  const args: string[] = [];
  const projectOf = projectsIn(runner, (path) => locate(path, true) !== null);
  for (const target of targets) {
    const file = locate(target.file, whole.has(target.file));
    if (file === null) return { args: null, reason: `${target.file} is in the plan but not in the work tree` };
    const project = projectOf(target.file);
    // The folder that the runner starts in is what is left out at the begin of the path.
    if (project !== null && depth(project) > depth(target.file) - depth(file))
      return { args: null, reason: `${target.file} is in another module, that of ${project}/${runner.boundary?.file}` };
    target.file = file;
    const arg = runner.argument(target);
    if (arg === null) return { args: null, reason: `${runner.name} cannot be told to run ${target.file}` };
    args.push(arg);
  }
  if (fits(args)) return { args: [...runner.before, ...args] };
  const files = [...new Set(targets.map(({ file }) => runner.argument({ file }) as string))];
  if (files.length < args.length && fits(files)) return { args: [...runner.before, ...files] };
  return { args: null, reason: `the list of ${args.length} tests is longer than a command line may be` };
}

const depth = (path: string): number => (path === "." ? 0 : path.split("/").length);

const fits = (args: readonly string[]): boolean => args.reduce((sum, arg) => sum + arg.length + 1, 0) <= mostCharacters;
