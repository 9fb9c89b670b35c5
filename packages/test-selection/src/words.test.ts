import { expect, it } from "vitest";
import { partsOf, words } from "./words.ts";

it.each([
  ["src/billing/InvoiceTotal.py", ["billing", "invoice", "total"]],
  ["tests/test_HTTPServer2.py", ["http", "server2"]],
  ["spec/überweisung_日本.js", ["überweisung", "日本"]],
  ["a/b/c.py", []],
])("words of %s", (path, expected) => {
  expect([...words(path)]).toEqual(expected);
});

it("folders, nearest first", () => {
  expect(partsOf("a/b/c.py").folders).toEqual(["a/b", "a"]);
  expect(partsOf("c.py").folders).toEqual([]);
});
