/** Executions of all reports, each identity once per execution: repeats become ordinals or attempts, never one. */
import { type Execution, MAX_ATTEMPTS, MAX_DURATION_MS, type Status } from "@goatnote/ci-history";
import type { Repeats } from "./formats.ts";
import { KeyTable } from "./key-table.ts";

const failed: ReadonlySet<Status> = new Set<Status>(["fail", "error", "timeout"]);

/** A part of the executions of a reading, in the order of the reports. */
export interface Batch {
  executions: Execution[];
  /**
   * What pytest reported later of executions in batches before: they failed in their teardown too, see `addTeardown`.
   * `index` counts the executions of all batches, from 0.
   */
  teardowns: { index: number; teardown: Execution }[];
}

/** Adds to an execution what its teardown says: the two are one. */
export function addTeardown(execution: Execution, teardown: Execution): void {
  if (!failed.has(execution.status)) execution.status = teardown.status;
  if (teardown.message !== undefined) execution.message ??= teardown.message;
  if (teardown.duration_ms !== null)
    execution.duration_ms = Math.min((execution.duration_ms ?? 0) + teardown.duration_ms, MAX_DURATION_MS);
}

/** Takes cases, gives batches of executions. Of those that were given it keeps no more than a hash of their keys. */
export class Collector {
  #batch: Batch = { executions: [], teardowns: [] };
  /** Executions in the batches before. */
  #given = 0;
  /** The place of the last execution under a key, over all reports. */
  readonly #last = new KeyTable();
  /** The highest ordinal given to a key; only of keys that came again. */
  readonly #ordinals = new Map<string, number>();
  /** The attempt of an execution by its place, where it is above 1. */
  readonly #attempts = new Map<number, number>();
  /** Where the report that is being read begins. */
  #start = 0;
  /** Cases that may have subtests, which is known at the end of their report. */
  #held: Execution[][] = [];

  /** Executions taken so far. */
  get size(): number {
    return this.#given + this.waiting + this.#held.length;
  }

  /** Executions that the next batch has. */
  get waiting(): number {
    return this.#batch.executions.length;
  }

  /** Gives what was taken since the batch before. */
  give(): Batch {
    const batch = this.#batch;
    this.#given += batch.executions.length;
    this.#batch = { executions: [], teardowns: [] };
    return batch;
  }

  beginReport(): void {
    this.#start = this.#given + this.waiting;
    this.#held = [];
    this.#attempts.clear();
  }

  /** Takes one case's executions. */
  add(attempts: Execution[], repeats: Repeats): void {
    if (repeats === "attempt") this.#held.push(attempts);
    else this.#add(attempts, repeats);
  }

  /** Ends a report, also one that could not be read to its end. */
  endReport(): void {
    for (const attempts of leaves(this.#held)) this.#add(attempts, "attempt");
    this.#held = [];
  }

  #add(attempts: Execution[], repeats: Repeats): void {
    const slot = this.#last.slotOf(attempts[0]!);
    const at = this.#last.at(slot);
    const inReport = at >= this.#start;
    if (repeats === "teardown" && inReport) {
      const teardown = attempts.at(-1)!;
      if (at < this.#given) this.#batch.teardowns.push({ index: at, teardown });
      else addTeardown(this.#batch.executions[at - this.#given]!, teardown);
      return;
    }
    for (const execution of attempts) this.#batch.executions.push(execution);
    const index = this.#given + this.waiting - 1;
    if (at < 0) {
      this.#last.set(slot, index);
    } else if (repeats === "attempt" && inReport) {
      let attempt = this.#attempts.get(at) ?? 1;
      for (const execution of attempts) execution.attempt = attempt = Math.min(attempt + 1, MAX_ATTEMPTS);
      this.#last.set(slot, index);
    } else {
      const free = this.#ordinal(attempts);
      this.#last.set(free, index);
    }
    const { attempt } = attempts.at(-1)!;
    if (repeats === "attempt" && attempt !== undefined) this.#attempts.set(index, attempt);
  }

  /** Gives the next ordinal that no parameter looks like already. Returns the slot of the key with it. */
  #ordinal(attempts: Execution[]): number {
    const first = attempts[0]!;
    const param = first.param ?? "";
    const key = JSON.stringify([first.id, param, first.variant]);
    let ordinal = this.#ordinals.get(key) ?? 1;
    let slot: number;
    do {
      first.param = `${param}#${++ordinal}`;
      slot = this.#last.slotOf(first);
    } while (this.#last.at(slot) >= 0);
    this.#ordinals.set(key, ordinal);
    for (const execution of attempts) execution.param = first.param;
    return slot;
  }
}

// Deeper, a name is a path and not a nest of subtests.
const deepest = 100;

/** The names above a subtest, nearest first: of `a/b/c` `a/b`, `a` and the test's own, which is empty. */
function parentsOf(name: string | undefined): string[] {
  if (name === undefined) return [];
  const above = [...name.matchAll(/\//g)].slice(-deepest).map(({ index }) => name.slice(0, index));
  return [...above.reverse(), ""];
}

/**
 * Without cases that only repeat what their subtests say (`TestA` beside `TestA/sub`); a parent that failed though no
 * subtest did stays.
 */
function leaves(cases: Execution[][]): Execution[][] {
  const parents = new Map<string, { failed: boolean }>();
  for (const [first] of cases) {
    const { id, param, status } = first!;
    for (const above of parentsOf(param)) {
      const parent = `${id}\0${above}`;
      const found = parents.get(parent) ?? { failed: false };
      found.failed ||= failed.has(status);
      parents.set(parent, found);
    }
  }
  return cases.filter(([first]) => {
    const children = parents.get(`${first!.id}\0${first!.param ?? ""}`);
    return !children || (failed.has(first!.status) && !children.failed);
  });
}
