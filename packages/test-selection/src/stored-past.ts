/**
 * The past as a store keeps it: the newest state that was derived from it, and the runs after that. With a state or
 * without, the same past comes out, to the last bit.
 */
import {
  branchFolder,
  byAge,
  decodeRuns,
  HistoryError,
  interner,
  type NewFile,
  parseSegmentPath,
  type Run,
  readStore,
  type Store,
  segmentPath,
} from "@goatnote/ci-history";
import { type Comparison, Contest } from "./contest.ts";
import { featureNames } from "./features.ts";
import type { FeatureImportance } from "./importance.ts";
import { decodeModel, encodeModel, modelPath, type StoredModel } from "./model-file.ts";
import { isReference } from "./outcomes.ts";
import { BranchFailures, Learner, learn, type Past, wholeRuns } from "./past.ts";
import { replayWishes, SelectorTally } from "./selector-tally.ts";
import { decodeState, encodeState, stateKeys, statePath } from "./state-file.ts";

export interface StoredPastOptions {
  /** The newest so many runs of the default branch; up to a quarter more, so that the oldest is not another one each time. */
  depth: number;
  /** A model to score by instead of the store's newest. */
  model?: StoredModel | undefined;
  /** Told of each file that cannot be used; it is passed over. */
  onUnreadable?: (path: string, error: Error) => void;
  /** Told how many of the runs to read have been read. */
  onProgress?: (done: number, of: number) => void;
}

/** What a past was read from: how many runs a state stood for, and how many were read. */
export interface Source {
  derived: number;
  read: number;
}

// A selection reads the runs after the newest state. More states would make the store grow, fewer the selection slow.
const fewestRunsBetween = 10;
const shareBetween = 1 / 20;
// A branch's failures are those of its latest runs.
const latestOfBranch = 50;
// What a training says was saved is of the project as it is now.
const latestDecided = 50;
const defaultRecall = 0.95;

/** Learns from the default branch's runs in a store, and what fails on a branch of its own. */
export async function readPast(
  store: Store,
  branch: string | null,
  targetRecall: number,
  options: StoredPastOptions,
): Promise<{ past: Past; source: Source }> {
  const log = await RunLog.open(store, options);
  if (log === null) {
    const folders = ["", ...(branch === null ? [] : [branchFolder(branch)])];
    const past = await learn(readStore(store, { ...options, folders }), branch, targetRecall);
    return { past, source: { derived: 0, read: past.referenceRuns } };
  }
  const from = await log.derived();
  const learner = await log.learn(from);
  const failures = await log.failuresOn(branch);
  log.demandWhole();
  const derived = from.next;
  return { past: learner.past(targetRecall, failures), source: { derived, read: log.runs.length - derived } };
}

/** A model, and what a store keeps of it. */
export interface Trained {
  model: StoredModel;
  past: Past;
  /** What each feature tells; null where too little is held out. */
  importance: FeatureImportance[] | null;
  /** Against the model that the store has; null where it has none of this history that has learnt anything. */
  comparison: Comparison | null;
  /** What selections would have run and missed at the default recall in the latest full runs, each decided by what was known before it. */
  decided: SelectorTally;
  /** The model, and the state after the newest run, so that the next selection need not read all runs again; none where the stored model stays. */
  files: NewFile[];
}

/**
 * Learns from every run anew.
 * @param onLearner given the learner before the first run, to look on
 * @param force also a better stored model is replaced
 * @returns null where the store has no run
 * @throws HistoryError where the store cannot tell the order of its runs
 */
export async function trainModel(
  store: Store,
  options: Omit<StoredPastOptions, "model">,
  onLearner: (learner: Learner) => void = () => {},
  force = false,
): Promise<Trained | null> {
  const log = await RunLog.open(store, options);
  if (log === null)
    throw new HistoryError("The store holds runs whose ids are not numbers, so nobody can tell their order.");
  const through = log.runs.at(-1)?.at(-1);
  if (through === undefined) return null;
  const learner = new Learner();
  onLearner(learner);
  const stored = await log.model();
  let contest: Contest | null = null;
  const decided = new SelectorTally(replayWishes(defaultRecall));
  await log.learn({ learner, next: 0, model: null }, (run, number) => {
    if (number >= log.runs.length - latestDecided && isReference(run)) decided.decide(learner.past(defaultRecall), run);
    // Where nothing had been learnt yet, nothing is lost.
    if (stored === null || stored.content.logistic === null || number <= stored.at) return;
    contest ??= new Contest(learner, stored.content, modelPath(stored.content.through));
    contest.observe(run);
  });
  log.demandWhole();
  learner.scorers.retrain();
  const importance = learner.scorers.importance();
  const past = learner.past(defaultRecall);
  const history = { runs: past.referenceRuns, failing_runs: past.failingRuns };
  const model: StoredModel = { version: 7, ...learner.scorers.fitted, features: featureNames, through, history };
  const comparison = (contest as Contest | null)?.comparison ?? null;
  const trained = { model, past, importance, comparison, decided };
  if (comparison?.keeps_stored && !force) return { ...trained, files: [] };
  const files: NewFile[] = [{ path: modelPath(through), bytes: Buffer.from(encodeModel(model)) }];
  learner.scorers.adopt(model);
  const state = stateFile(learner, log.keys({ content: model, at: log.runs.length - 1 }).at(-1)!);
  if (state) files.push(state);
  return { ...trained, files };
}

function stateFile(learner: Learner, key: string): NewFile | null {
  const bytes = encodeState(learner, key);
  return bytes && { path: statePath(key), bytes };
}

/**
 * Derives a state from the store and keeps it there, where enough runs have come since the last one.
 * @returns how many runs it stands for; null where none was kept
 * @throws HistoryError where the host did not give a file just now
 */
export async function keepState(store: Store, options: StoredPastOptions): Promise<number | null> {
  const log = await RunLog.open(store, options);
  if (log === null) return null;
  const { length } = log.runs;
  const from = await log.derived();
  if (length - from.next < Math.max(fewestRunsBetween, length * shareBetween)) return null;
  const learner = await log.learn(from);
  // What the host did not give just now would be missing for good.
  log.demandWhole();
  const state = stateFile(learner, log.keys(from.model).at(-1)!);
  if (state === null) return null;
  await store.append(state.path, state.bytes);
  return length;
}

/** Where learning begins: what is known before run number `next`, and the model that scores from its own run on. */
interface Start {
  learner: Learner;
  next: number;
  model: { content: StoredModel; at: number } | null;
}

/** The default branch's runs in a store, in order of age. */
class RunLog {
  /** Paths of the segments of each run, oldest first. */
  readonly runs: string[][];
  /** A file that the host lists and did not give. */
  private notGiven: { path: string; error: Error } | null = null;
  private readonly store: Store;
  private readonly paths: ReadonlySet<string>;
  private readonly options: StoredPastOptions;
  private readonly intern = interner();

  private constructor(store: Store, paths: readonly string[], options: StoredPastOptions) {
    this.store = store;
    this.paths = new Set(paths);
    this.options = options;
    this.runs = window(runsIn(paths, ""), options.depth);
  }

  /** Null where the store does not tell which run of the default branch is older. */
  static async open(store: Store, options: StoredPastOptions): Promise<RunLog | null> {
    const listed = await store.list();
    const { chronological } = byAge(listed.filter((path) => parseSegmentPath(path)?.folder === ""));
    return chronological ? new RunLog(store, byAge(listed).paths, options) : null;
  }

  /** @throws HistoryError where the host did not give a file just now: what is learnt without it would be another thing */
  demandWhole(): void {
    if (this.notGiven === null) return;
    const { path, error } = this.notGiven;
    throw new HistoryError(`The history has ${path}, which the host did not give: ${error.message}`, { cause: error });
  }

  /** The bytes of a file; a fault of the host is noted. */
  private async bytes(path: string): Promise<Buffer> {
    try {
      return await this.store.read(path);
    } catch (error) {
      this.notGiven ??= { path, error: error as Error };
      throw error;
    }
  }

  keys = (model: Start["model"]): string[] => stateKeys(this.runs, model && encodeModel(model.content));

  /** The newest state that this history leads to. */
  async derived(): Promise<Start> {
    const model = await this.model();
    const keys = this.keys(model);
    for (let index = keys.length - 1; index >= (model?.at ?? 0); index -= 1) {
      const path = statePath(keys[index]!);
      const learner = await this.usable(path, async () => decodeState(await this.bytes(path), keys[index]!));
      if (learner) return { learner, next: index + 1, model };
    }
    return { learner: new Learner(), next: 0, model };
  }

  /** The model that the user names, or the newest of this history in the store. */
  async model(): Promise<Start["model"]> {
    // A run that was the newest may have got more jobs and attempts since.
    const places = new Map(this.runs.flatMap((paths, index) => paths.map((path) => [path, index] as const)));
    const { model: named } = this.options;
    if (named) {
      const at = places.get(named.through);
      if (at !== undefined) return { content: named, at };
      const foreign = "it was trained on another history, or on runs that are no longer read";
      this.options.onUnreadable?.("The model", new Error(foreign));
    }
    for (const [through, at] of [...places].reverse()) {
      const path = modelPath(through);
      const content = await this.usable(path, async () => {
        const model = decodeModel((await this.bytes(path)).toString(), path);
        if (model.through !== through) throw new Error("it was trained on another history than its name says");
        return model;
      });
      if (content) return { content, at };
    }
    return null;
  }

  private async usable<T>(path: string, read: () => Promise<T>): Promise<T | null> {
    if (!this.paths.has(path)) return null;
    return read().catch((error: Error) => {
      this.options.onUnreadable?.(path, error);
      return null;
    });
  }

  /**
   * Reads the runs from number `next` on.
   * @param before told of each run and its number before it is learnt
   */
  async learn(
    { learner, next, model }: Start,
    before: (run: Run, number: number) => void = () => {},
  ): Promise<Learner> {
    const rest = this.runs.slice(next);
    this.store.expect?.(rest.flat());
    for (const [index, paths] of rest.entries()) {
      // What a model has seen, it has tried itself on.
      learner.scorers.resting = model !== null && next + index <= model.at;
      for await (const run of wholeRuns(await this.read(paths))) {
        before(run, next + index);
        learner.observe(run);
      }
      if (model !== null && next + index === model.at) learner.scorers.adopt(model.content);
      this.options.onProgress?.(index + 1, rest.length);
    }
    learner.scorers.resting = false;
    return learner;
  }

  /** Tests that failed in the latest runs of a branch other than the default one. */
  async failuresOn(branch: string | null): Promise<Set<string>> {
    const failures = new BranchFailures(branch);
    const runs = branch === null ? [] : runsIn([...this.paths], branchFolder(branch)).slice(-latestOfBranch);
    this.store.expect?.(runs.flat());
    for (const paths of runs) for await (const run of wholeRuns(await this.read(paths))) failures.observe(run);
    return failures.ids;
  }

  private async read(paths: readonly string[]): Promise<Run[]> {
    const runs: Run[] = [];
    for (const path of paths) {
      try {
        const decoded = decodeRuns(await this.bytes(path), path, this.intern);
        if (!decoded.every((run) => segmentPath(run) === path))
          throw new HistoryError(`${path}: it holds another run than its name says.`);
        runs.push(...decoded);
      } catch (error) {
        this.options.onUnreadable?.(path, error as Error);
      }
    }
    return runs;
  }
}

/** The segments in a folder, in the order given; those of a run together, also where it went on in another month. */
function runsIn(paths: readonly string[], folder: string): string[][] {
  const named = paths.flatMap((path) => {
    const name = parseSegmentPath(path);
    return name?.folder === folder ? { path, run: name.run } : [];
  });
  return [...Map.groupBy(named, ({ run }) => run).values()].map((group) => group.map(({ path }) => path));
}

/** The newest `depth` runs and up to a quarter more: the first of them moves in steps, since all states begin with it. */
function window(runs: string[][], depth: number): string[][] {
  const step = Math.max(1, Math.floor(depth / 4));
  const surplus = runs.length - depth;
  return surplus <= 0 ? runs : runs.slice(Math.floor(surplus / step) * step);
}
