import fc from "fast-check";
import { expect, test } from "vitest";
import { runAction } from "../test/action-process.ts";
import { oneLine } from "./log.ts";

test.each([
  ["test_a.py ##[error]boo", "test_a.py ## [error]boo"],
  ["::error::boo", ": :error::boo"],
  [" \t::error::boo", "  : :error::boo"],
  ["\x07::stop-commands::x", ": :stop-commands::x"],
  ["#\x1b#[add-mask]e", "## [add-mask]e"],
  ["a\r\n::error::b", "a ::error::b"],
  ["a::b ## c", "a::b ## c"],
])("%j is said as %j", (text, said) => {
  expect(oneLine(text)).toBe(said);
});

test("no text is a command", () => {
  const part = fc.constantFrom("#", "##[", "[", "::", ":", " ", "\n", "\x1b", "\u202e", "\u2028", "error", "]");
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      expect(oneLine(parts.join(""))).not.toMatch(/[\r\n]|##\[|^\s*::/);
    }),
    { numRuns: 2000 },
  );
});

test("what is said has no secret", async () => {
  const { stdout } = await runAction('io.registerSecret("key-of-log"); io.say("the ##[group] key-of-log");');
  expect(stdout).toBe("the ## [group] ***\n");
});
