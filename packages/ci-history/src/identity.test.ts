import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalisePath, parseTestId, splitParam, stableName, testId } from "./identity.ts";

/** Text with what the escapes are about in every other place. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom("|", "\\", "\n", "\r", ">", " > ", "\x1b", "\u2028", "n", "u001b"),
      fc.string({ unit: "grapheme" }),
    ),
    {
      maxLength: 6,
    },
  )
  .map((parts) => parts.join("").normalize("NFC"))
  .filter((value) => stableName(value) === value);

describe("testId", () => {
  test("is one line that says back what was put in", () => {
    fc.assert(
      fc.property(fc.option(text), fc.array(text), text, (module, classPath, name) => {
        const id = testId({ module, classPath, name });
        expect(id).not.toMatch(/[\r\n\x00-\x1f\u2028\u2029]/);
        expect(parseTestId(id)).toEqual({
          file: module || null,
          classPath: classPath.filter((part) => part !== ""),
          name,
        });
      }),
      { numRuns: 2000 },
    );
  });

  test("differs for different parts", () => {
    const parts = fc.record({ module: text, classPath: fc.array(text.filter((part) => part !== "")), name: text });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(testId(a) === testId(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  test("is the same when what it says is put in again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (file, name) => {
        const id = testId({ file, name });
        expect(testId(parseTestId(id))).toBe(id);
      }),
      { numRuns: 2000 },
    );
  });

  test("names the file before the module", () => {
    expect(testId({ file: "a/b.py", module: "a.b", classPath: ["TestX"], name: "t|1" })).toBe("a/b.py|TestX|t\\|1");
    expect(testId({ module: "x/y", name: "TestA" })).toBe("x/y||TestA");
  });
});

test("ids that others made are read as far as they go", () => {
  expect(parseTestId("org.x.Suite")).toEqual({ file: null, classPath: [], name: "org.x.Suite" });
  expect(parseTestId("a.py|t")).toEqual({ file: "a.py", classPath: [], name: "t" });
  expect(parseTestId("a|b|c|d")).toEqual({ file: "a", classPath: ["b"], name: "c|d" });
  expect(parseTestId("")).toEqual({ file: null, classPath: [], name: "" });
  fc.assert(
    fc.property(text, (id) => {
      parseTestId(id);
    }),
  );
});

test.each([
  ["a/b.py", "a/b.py"],
  ["./a//b/../c.py", "a/c.py"],
  ["a\\b.cs", "a/b.cs"],
  ["/repo/a.js", "a.js"],
  ["file:///repo/a.js", "a.js"],
  ["/repository/a.js", "/repository/a.js"],
  ["/home/runner/work/thing/thing/src/a.ts", "src/a.ts"],
  ["D:\\a\\thing\\thing\\src\\a.ts", "src/a.ts"],
  ["/__w/thing/thing/a.go", "a.go"],
  ["/github/workspace/a.go", "a.go"],
  ["../other/a.ts", "../other/a.ts"],
  ["e\u0301.py", "\u00e9.py"],
])("the path %s is %s", (path, expected) => {
  expect(normalisePath(path, "/repo")).toBe(expected);
});

describe("stableName", () => {
  test.each([
    ["f[<object at 0x7fd2ddb3d310>]", "f[<object at <address>>]"],
    ["takes Widget@1b6d3586", "takes Widget@<address>"],
    ["id 123e4567-e89b-12d3-a456-426614174000", "id <uuid>"],
    ["ran 2026-11-20T23:07:40.526Z", "ran <time>"],
    ["at 1763680060526", "at <time>"],
    ["reads /tmp/tmpab12cd_x/data1.csv", "reads <tmp>/data1.csv"],
    ["reads /tmp/pytest-of-ci/pytest-12/test_a0/x.csv", "reads <tmp>/test_a0/x.csv"],
    ["reads /var/folders/ab/c1d2/T/fix-a8XyZ1/x", "reads <tmp>/x"],
    ["lints /repo/src/a.ts", "lints src/a.ts"],
    ["lints /home/runner/work/t/t/src/a.ts", "lints src/a.ts"],
  ])("%s becomes %s", (name, expected) => {
    expect(stableName(name, "/repo")).toBe(expected);
    expect(stableName(expected, "/repo")).toBe(expected);
  });

  test.each([
    "0xff is 255",
    "adds 0xdeadbeef",
    "mail a@facade.org",
    "on 2021-05-03",
    "writes /tmp/data.csv",
    "1,234",
    "10:30",
  ])("%s stays", (name) => {
    expect(stableName(name)).toBe(name);
  });
});

test.each([
  ["f[a[0]-b]", "pytest", "f", "a[0]-b"],
  ["f", "pytest", "f", undefined],
  ["rows(int)[2]", "junit5", "rows(int)", "2"],
  ["rows(String, int)[2] a, b", "junit5", "rows(String, int)", "2 a, b"],
  ["rows{int}[2]", "junit5", "rows{int}", "2"],
  ["rows", "junit5", "rows", undefined],
  ["[2] a, b", "junit5", "[2] a, b", undefined],
  ["TestA/sub/x y", "go", "TestA", "sub/x y"],
  ["Adds/0", "gtest", "Adds", "0"],
  ["t[0]", "none", "t[0]", undefined],
] as const)("the parameters of %s (%s)", (whole, dialect, name, param) => {
  expect(splitParam(whole, dialect)).toEqual(param === undefined ? { name } : { name, param });
});

test("a path of very many folders is one like any other", () => {
  const long = "/a".repeat(500_000);
  expect(normalisePath(long)).toBe(long);
  expect(normalisePath(`/x/_work/lab/lab${long}`)).toBe(long.slice(1));
});
