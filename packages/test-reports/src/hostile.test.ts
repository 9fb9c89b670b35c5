import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Execution, encodeSegment } from "@goatnote/ci-history";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readReports } from "./index.ts";
import { lines, readText, readTexts } from "./samples.ts";

const suite = (cases: string) => `<testsuites><testsuite name="s">${cases}</testsuite></testsuites>`;
const two = suite('<testcase name="a"/><testcase name="b"><failure message="no"/></testcase>');

const lol = `<!DOCTYPE lolz [<!ENTITY lol "lol">${Array.from(
  { length: 10 },
  (_, i) => `<!ENTITY lol${i + 1} "${`&lol${i || ""};`.repeat(10)}">`,
).join("")}]>`;

test.each([
  ["billion laughs", `${lol}${suite('<testcase name="&lol10;"/>')}`, ["|s|&lol10; pass"], "own entities"],
  [
    "an external entity",
    `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>${suite('<testcase name="a"><failure message="&x;"/></testcase>')}`,
    ["|s|a fail"],
    "own entities",
  ],
  [
    "quadratic entities",
    `<!DOCTYPE a [<!ENTITY x "${"x".repeat(50_000)}">]>${suite(`<testcase name="a"/><testcase name="b"><failure>${"&x;".repeat(50_000)}</failure></testcase>`)}`,
    ["|s|a pass", "|s|b fail"],
    "own entities",
  ],
  ["a raw ESC", suite('<testcase name="red \x1b[31m"/>'), ["|s|red \\u001b[31m pass"], "control characters"],
  ["a NUL by number", suite('<testcase name="a&#0;b"/>'), ["|s|a\ufffdb pass"], "U+FFFD"],
  ["a raw NUL", suite('<testcase name="a\0b"/>'), ["|s|a\\u0000b pass"], "control characters"],
  ["a < in an attribute", suite('<testcase name="a < b"/>'), ["|s|a < b pass"], "A raw <"],
  ["a __proto__ attribute", suite('<testcase __proto__="x" name="a"/>'), ["|s|a pass"], undefined],
  ["a negative time", suite('<testcase name="a" time="-4416.24"/>'), ["|s|a pass"], "time is"],
  ["a case without a name", suite('<testcase time="1"/>'), ["|s|(no name) pass"], "no name"],
  [
    "a case without an end",
    suite('<testcase name="a"><testcase name="b"/>'),
    ["|s|a pass", "|s|b pass"],
    "end is missing",
  ],
  [
    "a wrong counter",
    suite("").replace('"s"', '"s" tests="9"').replace("></testsuite>", '><testcase name="a"/></testsuite>'),
    ["|s|a pass"],
    "says 9",
  ],
])("%s: the cases are kept, with a warning", async (_what, text, expected, warning) => {
  const result = await readText(text);
  expect(lines(result)).toEqual(expected);
  expect(result.invalid).toEqual([]);
  expect(result.complete).toBe(true);
  if (warning === undefined) expect(result.warnings).toEqual([]);
  else expect(result.warnings.map(({ message }) => message).join()).toContain(warning);
});

test("100,000 nested suites are read, and told apart to a depth", async () => {
  const text = `${'<testsuite name="d">'.repeat(100_000)}<testcase name="a"/>${"</testsuite>".repeat(100_000)}`;
  const result = await readText(text);
  expect(result.executions).toHaveLength(1);
  expect(result.executions[0]!.id.match(/d/g)).toHaveLength(256);
  expect(result.warnings.map(({ message }) => message).join()).toContain("nested");
  expect(result.complete).toBe(true);
});

test("a report cut anywhere keeps the cases before the cut, and is said to be incomplete", async () => {
  const texts = Array.from({ length: two.length }, (_, length) => two.slice(0, length));
  for (const [length, text] of texts.entries()) {
    const result = await readText(text);
    expect(result.complete, text).toBe(false);
    const ended = two.slice(0, length).match(/<testcase name="a"\/>/) ? 1 : 0;
    expect(result.executions.length, text).toBeGreaterThanOrEqual(ended);
    if (result.executions.length > 0) {
      expect(result.warnings.map(({ message }) => message).join(), text).toContain("cut");
      // Only what was seen to its end has passed.
      expect(lines(result).filter((line) => line.endsWith("pass")).length, text).toBe(ended);
    } else expect(result.invalid, text).toHaveLength(1);
  }
});

const german = suite('<testcase name="größe €"/>');
const utf16 = (text: string, bom: boolean) => Buffer.from((bom ? "\ufeff" : "") + text, "utf16le");
test.each([
  ["UTF-8 with a mark", Buffer.from(`\ufeff${german}`), "größe €", undefined],
  ["UTF-16 LE with a mark", utf16(german, true), "größe €", undefined],
  ["UTF-16 LE without one", utf16(german, false), "größe €", undefined],
  ["UTF-16 BE", utf16(german, true).swap16(), "größe €", undefined],
  [
    "Latin-1",
    Buffer.from(
      '<?xml version="1.0" encoding="ISO-8859-1"?><testsuite name="s"><testcase name="größe"/></testsuite>',
      "latin1",
    ),
    "größe",
    undefined,
  ],
  [
    "Latin-1 that says UTF-8",
    Buffer.from(
      '<?xml version="1.0" encoding="UTF-8"?><testsuite name="s"><testcase name="größe"/></testsuite>',
      "latin1",
    ),
    "gr\ufffd\ufffde",
    "not utf-8",
  ],
  [
    "UTF-8 that says UTF-16",
    Buffer.from(`<?xml version="1.0" encoding="UTF-16"?>${german}`),
    "größe €",
    "single bytes",
  ],
  ["UTF-16 that says UTF-8", utf16(`<?xml version="1.0" encoding="utf-8"?>${german}`, true), "größe €", "is utf-16le"],
  [
    "an encoding nobody knows",
    Buffer.from(`<?xml version="1.0" encoding="ebcdic-99"?>${german}`),
    "größe €",
    "not known",
  ],
])("%s is decoded", async (_what, bytes, name, warning) => {
  const result = await readText(bytes);
  expect(lines(result)).toEqual([`|s|${name.normalize("NFC")} pass`]);
  if (warning === undefined) expect(result.warnings).toEqual([]);
  else expect(result.warnings.map(({ message }) => message).join()).toContain(warning);
});

test("limits cut, and say so", async () => {
  const long = "x".repeat(3000);
  const named = await readText(suite(`<testcase name="${long}a"/><testcase name="${long}b"/>`));
  expect(new Set(named.executions.map(({ id }) => id)).size).toBe(2);
  expect(named.executions[0]!.id.length).toBeLessThan(2100);

  const huge = await readText(suite(`<testcase name="a" x="${"x".repeat(2 ** 20)}"/><testcase name="b"/>`));
  expect(huge.executions.map(({ id }) => id)).toEqual(["|s|a", "|s|b"]);

  const short = await readText(two, { limits: { fileBytes: 60 } });
  expect(short.complete).toBe(false);
  expect(lines(short)).toEqual(["|s|a pass"]);

  const few = await readText(two, { limits: { executions: 1 } });
  expect([few.complete, few.executions.length]).toEqual([false, 1]);

  const noisy = await readText(suite('<testcase name="a" time="x"/>'.repeat(300)));
  expect(noisy.executions).toHaveLength(300);
  expect(noisy.warnings).toHaveLength(101);
  expect(noisy.warnings.at(-1)!.message).toBe("200 more warnings are not shown.");

  const tries = await readText(suite(`<testcase name="a">${"<flakyFailure/>".repeat(1000)}</testcase>`));
  expect(tries.executions).toHaveLength(101);
});

test("messages are one clean line, and only kept when asked for", async () => {
  const text = suite(
    `<testcase name="a"><failure type="E" message="&#10;\x1b[31mred\x1b[0m \x07line&#10;second"/></testcase>`,
  );
  const message = async (includeMessages: "none" | "type" | "first-line") =>
    (await readText(text, { includeMessages })).executions[0]!.message;
  expect(await message("none")).toBeUndefined();
  expect(await message("type")).toBe("E");
  expect(await message("first-line")).toBe("red line");
  const body = suite(`<testcase name="a"><failure><![CDATA[\n  first\nsecond]]></failure></testcase>`);
  expect((await readText(body, { includeMessages: "first-line" })).executions[0]!.message).toBe("first");
  const long = await readText(suite(`<testcase name="a"><failure>${"x".repeat(99_999)}</failure></testcase>`), {
    includeMessages: "first-line",
  });
  expect(long.executions[0]!.message).toHaveLength(4096);
});

test("one broken file never loses the others", async () => {
  const result = await readTexts([
    two,
    "",
    "not xml",
    "<html><body/></html>",
    '<testsuite tests="5"/>',
    "<testsuites/>",
    two,
  ]);
  expect(result.invalid.map(({ path }) => path)).toEqual(["1.xml", "2.xml", "3.xml", "4.xml"]);
  expect(result.invalid.at(-1)!.reason).toBe("It says 5 tests, and holds none.");
  expect([result.reports, result.executions.length, result.complete]).toEqual([3, 4, false]);
  const missing = await readTexts([], {}).then(async () =>
    (await import("./index.ts")).readReports(["no.xml", "."], { root: "/" }),
  );
  expect(missing.invalid.map(({ reason }) => reason)).toEqual(["It is a folder.", "There is no such file."]);
});

test("bytes flipped at random never throw", async () => {
  const whole = Buffer.from(two);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 }), async (flips) => {
      const bytes = Buffer.from(whole);
      for (const [at, byte] of flips) bytes[at] = byte;
      const result = await readText(bytes, { includeMessages: "first-line" });
      expect(result.reports + result.invalid.length).toBe(1);
      expect(result.executions.every(({ id }) => !/[\r\n]/.test(id))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

/** The executions as the tests of a record, which throws for what a history would refuse. */
const store = (tests: Execution[]) =>
  encodeSegment({ run_id: "1", sha: null, started_at: "2026-01-01T00:00:00Z", author: null, changes: [], tests });

test.each([
  ["above the repository", "../x.py", "../x.py"],
  ["of the machine", "/etc/x.py", "/etc/x.py"],
  ["by a URL of the machine", "file:///etc/x.py", "file:///etc/x.py"],
  ["the repository itself", ".", "The root"],
  ["with NUL", "a\0b.py", "a\ufffdb.py"],
  ["too long", "x/".repeat(2049), "4098 characters"],
])("a file %s is null, with a warning, and the test is kept", async (_what, file, told) => {
  for (const files of [undefined, ["src/a.py"]]) {
    const cases = `<testcase name="a" file="${file}"/><testcase name="b" file="${file}"/>`;
    const { executions, warnings } = await readText(suite(cases), files && { files });
    expect(executions.map(({ file, id }) => [file, id.at(-1)])).toEqual([
      [null, "a"],
      [null, "b"],
    ]);
    expect(warnings.map(({ message }) => message).join()).toContain(told.replace("file://", ""));
    expect(() => store(executions)).not.toThrow();
  }
});

test("what a history would refuse is in no execution", async () => {
  const long = "\x01".repeat(1900);
  const retries = '<testcase name="TestA" classname="c"/>'.repeat(100_002);
  const texts = [
    suite(`<testcase classname="${long}" name="${long}" file="a.py"/>`),
    `<testsuites name="pytest tests"><testsuite name="pytest"><testcase classname="c" name="t[\0]" time="604800"/><testcase classname="c" name="t[\0]" time="604800"><error message="failed on teardown"/></testcase></testsuite></testsuites>`,
    suite(`<properties><property name="go.version" value="1"/></properties>${retries}`),
    ...["suite", "class"].map((name) => `<testsuites name="${name}">${suite("")}</testsuites>`),
  ];
  for (const text of texts) {
    const { executions } = await readText(text, { variant: `${"v".repeat(2000)}\0` });
    expect(() => store(executions)).not.toThrow();
  }
  const deep = `${`<testsuite name="${"s".repeat(2000)}">`.repeat(20)}<testcase name="a"/><testcase name="b"/>${"</testsuite>".repeat(20)}`;
  const { executions } = await readText(deep);
  expect(new Set(executions.map(({ id }) => id)).size).toBe(2);
  expect(() => store(executions)).not.toThrow();
});

test("names as long as a tag may be are read like others", async () => {
  const long = "/a".repeat(2 ** 19 - 100);
  const files = ["src/a.py", "b.py"];
  const { executions } = await readText(
    suite(`<testcase name="a" file="${long}"/>`) +
      `<testsuite name="${long}"><testcase name="b"/></testsuite><testsuite file="${long}"><testcase name="c"/></testsuite>`,
    { files },
  );
  expect(executions.map(({ file, id }) => [file, id.length < 2100])).toEqual(Array(3).fill([null, true]));
  const elsewhere = await readText(suite('<testcase name="a" file="/elsewhere/lab/src/a.py"/>'), { files });
  expect(elsewhere.executions[0]!.file).toBe("src/a.py");
});

test.skipIf(process.platform === "win32")("a pipe is no report, and is not waited for", async () => {
  const root = mkdtempSync(join(tmpdir(), "reports-"));
  try {
    const [pipe, link] = [join(root, "pipe.xml"), join(root, "link.xml")];
    execFileSync("mkfifo", [pipe]);
    writeFileSync(join(root, "a.xml"), two);
    symlinkSync("a.xml", link);
    const { invalid, executions } = await readReports([pipe, link], { root });
    expect(invalid).toEqual([{ path: "pipe.xml", reason: "It is no regular file." }]);
    expect(executions).toHaveLength(2);
  } finally {
    rmSync(root, { recursive: true });
  }
});
