import { expect, test } from "vitest";
import { format, parse } from "../src/csv.js";

test("quotes, commas and line breaks", () =>
  expect(parse('a,"b, ""c""\nd"\r\n1,2\r\n')).toEqual([
    ["a", 'b, "c"\nd'],
    ["1", "2"],
  ]));
test("empty fields stay", () =>
  expect(parse("a,,c\n,,\n")).toEqual([
    ["a", "", "c"],
    ["", "", ""],
  ]));
test('round trip of 表, "quotes" and `$(ticks)`', () => {
  const rows = [
    ["表", 'say "hi"', "$(rm -rf /)"],
    ["line\nbreak", "", ";"],
  ];
  expect(parse(format(rows))).toEqual(rows);
});
