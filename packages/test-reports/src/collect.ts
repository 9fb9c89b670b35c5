/** Executions of all reports, each identity once per execution: repeats become ordinals or attempts, never one. */
import type { Execution, Status } from "@goatnote/ci-history";
import type { Repeats } from "./formats.ts";

const failed: ReadonlySet<Status> = new Set<Status>(["fail", "error", "timeout"]);

export class Collector {
  readonly executions: Execution[] = [];
  /** Where in `executions` the last one under a key is, over all reports. */
  readonly #last = new Map<string, number>();
  /** How many cases had a key; only of keys that came again. */
  readonly #counts = new Map<string, number>();
  /** Where the report that is being read begins. */
  #start = 0;

  beginReport(): void {
    this.#start = this.executions.length;
  }

  /** Takes one case's executions. */
  add(attempts: Execution[], repeats: Repeats): void {
    const first = attempts[0]!;
    const key = keyOf(first);
    const at = this.#last.get(key);
    const earlier = at !== undefined && at >= this.#start ? this.executions[at]! : undefined;
    const final = attempts.at(-1)!;
    const index = this.executions.length + attempts.length - 1;
    if (at === undefined) {
      this.#last.set(key, index);
    } else if (repeats === "teardown" && earlier) {
      if (!failed.has(earlier.status)) earlier.status = final.status;
      if (final.message !== undefined) earlier.message ??= final.message;
      if (final.duration_ms !== null) earlier.duration_ms = (earlier.duration_ms ?? 0) + final.duration_ms;
      return;
    } else if (repeats === "attempt" && earlier) {
      let attempt = earlier.attempt ?? 1;
      for (const execution of attempts) execution.attempt = ++attempt;
      this.#last.set(key, index);
    } else {
      // Parameters may look like ordinals, so that the next free one is looked for.
      let count = this.#counts.get(key) ?? 1;
      const param = first.param ?? "";
      do first.param = `${param}#${++count}`;
      while (this.#last.has(keyOf(first)));
      this.#counts.set(key, count);
      for (const execution of attempts) execution.param = first.param;
      this.#last.set(keyOf(first), index);
    }
    for (const execution of attempts) this.executions.push(execution);
  }

  /**
   * Ends a report.
   * @param leavesOnly drops executions that only repeat what their subtests say (`TestA` beside `TestA/sub`); a parent
   * that failed though no subtest did stays.
   */
  endReport(leavesOnly: boolean): void {
    if (!leavesOnly) return;
    const here = this.executions.slice(this.#start);
    const parents = new Map<string, { failed: boolean }>();
    for (const { id, param, status } of here) {
      const parts = param?.split("/") ?? [];
      for (let count = 0; count < parts.length; count++) {
        const parent = `${id}\0${parts.slice(0, count).join("/")}`;
        const found = parents.get(parent) ?? { failed: false };
        found.failed ||= failed.has(status);
        parents.set(parent, found);
      }
    }
    const kept = here.filter(({ id, param, status }) => {
      const children = parents.get(`${id}\0${param ?? ""}`);
      return !children || (failed.has(status) && !children.failed);
    });
    for (const execution of here) this.#last.delete(keyOf(execution));
    this.executions.length = this.#start;
    for (const execution of kept) this.#last.set(keyOf(execution), this.executions.push(execution) - 1);
  }
}

function keyOf(execution: Execution): string {
  const { id, param, variant } = execution;
  return param === undefined && variant === undefined ? id : `${id}\0${param ?? ""}\0${variant ?? ""}`;
}
