import { expect, test } from "vitest";
import { openDataKey } from "./data-key.ts";
import { quoted, shown } from "./shown.ts";
import { showPath } from "./tree.ts";

test.each([
  ["what turns the text around", "age1\u202ecba", "age1\\u{202e}cba"],
  ["what the log takes for a command", "a\n::error::x", "a\\u{a}::error::x"],
  ["a colour of the terminal", "\u001b[31mred", "\\u{1b}[31mred"],
  ["what is not seen", "a\u200b\u2028\u{e0041}", "a\\u{200b}\\u{2028}\\u{e0041}"],
  ["half of a pair", "a\ud800", "a\\u{d800}"],
  ["a name of any language", "schlüssel-鍵-🦩", "schlüssel-鍵-🦩"],
])("%s", (_, text, safe) => expect(shown(text)).toBe(safe));

test("a long name is cut, and quotes are closed by us alone", () => {
  expect(shown("x".repeat(1000))).toBe(`${"x".repeat(100)}…`);
  expect(quoted('a" is fine. "b')).toBe('"a\\" is fine. \\"b"');
});

test("a path shows nothing but its names, and ends", () => {
  expect(showPath(["db", 0, "pass\u202eword"])).toBe("db[0].pass\\u{202e}word");
  expect(showPath(Array.from({ length: 200 }, () => "x".repeat(100))).length).toBeLessThan(400);
});

test("the keys that a file names are shown so", async () => {
  const key = { kind: "age", name: "age1\u202e\u0007", enc: "" } as const;
  await expect(openDataKey({ groups: [[key]], shamirThreshold: 0 }, {}, [])).rejects.toThrow(
    "encrypted for age age1\\u{202e}\\u{7};",
  );
});
