/** What a choice is made from, besides the past. */
import type { FileChange } from "@goatnote/ci-history";
import { type ImportLink, isMoreAlike, isNearer, keepCloser, type SourceLinks } from "./links.ts";
import type { Mode } from "./plan.ts";
import type { Runner } from "./runners/runner.ts";

/** What the user asks for; see the inputs of `ml-test-select`. */
export interface Wishes {
  mode: Mode;
  targetRecall: number;
  timeBudgetMs: number | null;
  maxFraction: number | null;
  minTests: number;
  alwaysRun: readonly string[];
  runAllWhen: readonly string[];
  explore: number;
  shards: number;
  seed: string;
}

/** A file of the change, and the deleted one that git takes for its former self. */
export interface ChangedNow extends FileChange {
  renamedFrom?: string;
}

/** What is to be tested now. */
export interface Situation {
  change:
    | { kind: "known"; base: string | null; head: string; files: readonly ChangedNow[] }
    | { kind: "unknown"; reason: string };
  /** Files that changed after the latest recorded full run, so that tests in them may be new; or why that is not known. */
  unrecorded: { kind: "known"; files: readonly FileChange[] } | { kind: "unknown"; reason: string };
  /** A reason that is known beforehand to run everything, such as a push to the default branch; else null. */
  runAll: string | null;
  /** Files of the commit. */
  files: readonly string[];
  /** The ids that exist now, where the user lists them; else null. */
  tests: readonly string[] | null;
  runner: Runner | null;
  /** What the sources say of each test file and the change; null where that is not known. */
  sources: SourceLinks | null;
  /** Why `sources` or its texts are null. */
  sourcesUnknown?: string;
  /** Files from which imports lead to a test file that the change edits, or to what tests share; absent where that is not known. */
  importsOfTests?: ReadonlyMap<string, ImportLink>;
  /** Folders that the runner compiles, that hold no tests, and whose build the change may break; absent for runners of files. */
  compiled?: readonly string[];
  /** Changed sources that hold tests as well, see {@link Runner.holdsTests}. */
  holdingTests?: readonly string[];
  /** Files that commits before the change touched together with a file of it; null where that is not known. */
  companions: ReadonlyMap<string, Companion> | null;
}

/** The file of the change that it was changed with, in how many of that file's commits. */
export interface Companion {
  path: string;
  commits: number;
  of: number;
}

/** Two paths of git can be one composed: what links a test more closely is of both. */
function byComposed<T>(known: ReadonlyMap<string, T>, isCloser: (one: T, other: T) => boolean): Map<string, T> {
  const composed = new Map<string, T>();
  for (const [path, value] of known) keepCloser(composed, path.normalize(), value, isCloser);
  return composed;
}

/** The history holds composed Unicode (NFC); git gives what the file system had. */
export function composed(situation: Situation): Situation {
  const paths = <T extends Situation["change"] | Situation["unrecorded"]>(known: T): T =>
    known.kind === "known"
      ? { ...known, files: known.files.map((file) => ({ ...file, path: file.path.normalize() })) }
      : known;
  return {
    ...situation,
    change: paths(situation.change),
    unrecorded: paths(situation.unrecorded),
    files: situation.files.map((path) => path.normalize()),
    companions: situation.companions && byComposed(situation.companions, (one, other) => one.commits > other.commits),
    ...(situation.holdingTests && { holdingTests: situation.holdingTests.map((path) => path.normalize()) }),
    ...(situation.compiled && { compiled: situation.compiled.map((path) => path.normalize()) }),
    ...(situation.importsOfTests && { importsOfTests: byComposed(situation.importsOfTests, isNearer) }),
    sources: situation.sources && {
      imports: byComposed(situation.sources.imports, isNearer),
      texts: situation.sources.texts && byComposed(situation.sources.texts, isMoreAlike),
    },
  };
}
