/** Executions of all reports, each identity once per execution: repeats become ordinals or attempts, never one. */
import type { Execution, Status } from "@goatnote/ci-history";
import type { Repeats } from "./formats.ts";
import { KeyTable } from "./key-table.ts";

const failed: ReadonlySet<Status> = new Set<Status>(["fail", "error", "timeout"]);

export class Collector {
  readonly executions: Execution[] = [];
  /** The last execution under a key, over all reports. */
  readonly #last = new KeyTable(this.executions);
  /** The highest ordinal given to a key; only of keys that came again. */
  readonly #ordinals = new Map<string, number>();
  /** Where the report that is being read begins. */
  #start = 0;
  /** Cases that may have subtests, which is known at the end of their report. */
  #held: Execution[][] = [];

  /** Executions taken so far. */
  get size(): number {
    return this.executions.length + this.#held.length;
  }

  beginReport(): void {
    this.#start = this.executions.length;
    this.#held = [];
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
    const first = attempts[0]!;
    const slot = this.#last.slotOf(first);
    const at = this.#last.at(slot);
    const earlier = at >= this.#start ? this.executions[at] : undefined;
    const final = attempts.at(-1)!;
    if (repeats === "teardown" && earlier) {
      if (!failed.has(earlier.status)) earlier.status = final.status;
      if (final.message !== undefined) earlier.message ??= final.message;
      if (final.duration_ms !== null) earlier.duration_ms = (earlier.duration_ms ?? 0) + final.duration_ms;
      return;
    }
    for (const execution of attempts) this.executions.push(execution);
    const index = this.executions.length - 1;
    if (at < 0) {
      this.#last.set(slot, index);
    } else if (repeats === "attempt" && earlier) {
      let attempt = earlier.attempt ?? 1;
      for (const execution of attempts) execution.attempt = ++attempt;
      this.#last.set(slot, index);
    } else {
      const free = this.#ordinal(attempts);
      this.#last.set(free, index);
    }
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

/**
 * Without cases that only repeat what their subtests say (`TestA` beside `TestA/sub`); a parent that failed though no
 * subtest did stays.
 */
function leaves(cases: Execution[][]): Execution[][] {
  const parents = new Map<string, { failed: boolean }>();
  for (const [first] of cases) {
    const { id, param, status } = first!;
    for (let at = param?.lastIndexOf("/") ?? -2; at !== -2; at = at < 0 ? -2 : param!.lastIndexOf("/", at - 1)) {
      const parent = `${id}\0${param!.slice(0, Math.max(0, at))}`;
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
