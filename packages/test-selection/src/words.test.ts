import { expect, it } from "vitest";
import { folders, words } from "./words.ts";

it.each([
  ["src/billing/InvoiceTotal.py", ["billing", "invoice", "total"]],
  ["tests/test_HTTPServer2.py", ["http", "server2"]],
  ["spec/überweisung_日本.js", ["überweisung", "日本"]],
  ["a/b/c.py", []],
])("words of %s", (path, expected) => {
  expect([...words(path)]).toEqual(expected);
});

it("folders, nearest first", () => {
  expect(folders("a/b/c.py")).toEqual(["a/b", "a"]);
  expect(folders("c.py")).toEqual([]);
});
