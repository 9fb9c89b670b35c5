import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { factsScript } from "./facts.ts";

const fixed = spawnSync("setarch", ["-R", "true"]).status === 0;

test.skipIf(!fixed)(
  "the end of the stack tells whether addresses are fixed, and no size of an environment does",
  () => {
    const stack = (program: string[], more: string): string =>
      /stack=([^\0]*)/.exec(
        execFileSync(program[0]!, [...program.slice(1), "bash", "-c", factsScript], {
          env: { PATH: process.env.PATH, MORE: more },
          encoding: "utf8",
        }),
      )![1]!;
    const sizes = ["", "x".repeat(100_000)];
    const [small, large] = sizes.map((more) => stack(["setarch", "-R"], more));
    expect(small).toMatch(/^[0-9a-f]{8,}$/);
    expect(large).toBe(small);
    expect(new Set(Array.from({ length: 4 }, () => stack(["env"], ""))).size).toBeGreaterThan(1);
  },
);
