import type { Execution } from "@goatnote/ci-history";
import { expect, test } from "vitest";
import { KeyTable } from "./key-table.ts";

// Keys are known by their hashes alone: one that were as short as 32 bits would have some ten collisions here.
test.each(["id", "param", "variant"] as const)("keys that differ in %s alone are never one", (field) => {
  const executions: Execution[] = [];
  const table = new KeyTable();
  const make = (i: number): Execution => ({ id: "x", file: null, status: "pass", duration_ms: null, [field]: `t${i}` });
  for (let i = 0; i < 300_000; i++) {
    const execution = make(i);
    const slot = table.slotOf(execution);
    if (table.at(slot) >= 0) expect(executions[table.at(slot)]).toBe(execution);
    table.set(slot, executions.push(execution) - 1);
  }
  for (let i = 0; i < 300_000; i += 97) if (table.at(table.slotOf(make(i))) !== i) expect.unreachable(`${i}`);
});
