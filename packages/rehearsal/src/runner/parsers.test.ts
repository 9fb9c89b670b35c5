import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { zip } from "@goatnote/attestation";
import fc from "fast-check";
import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { CommandReader } from "./commands.ts";
import { evaluate, text } from "./expressions.ts";
import { pairs } from "./file-commands.ts";
import { findFiles } from "./globs.ts";
import { JobLog } from "./log.ts";
import { unzip } from "./standins/zip.ts";

const files = fc.uniqueArray(
  fc.record({
    name: fc.stringMatching(/^[a-zé]{1,8}(\/[a-z]{1,8})?$/),
    content: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  }),
  { selector: ({ name }) => name },
);

test("an archive gives back what went in", () => {
  fc.assert(fc.property(files, (given) => void expect(unzip(zip(given))).toEqual(given)));
});

test("an archive is read by Python, and one of Python's here", () => {
  const folder = temporaryFolder();
  const content = Buffer.from("hello".repeat(1000));
  writeFileSync(join(folder, "ours.zip"), zip([{ name: "déjà/vu.txt", content }]));
  const script = `
import zipfile
with zipfile.ZipFile("ours.zip") as ours, zipfile.ZipFile("theirs.zip", "w") as theirs:
    assert ours.testzip() is None
    for name in ours.namelist():
        theirs.writestr(name, ours.read(name))`;
  execFileSync("python3", ["-c", script], { cwd: folder });
  expect(unzip(readFileSync(join(folder, "theirs.zip")))).toEqual([{ name: "déjà/vu.txt", content }]);
});

test("file commands give back what @actions/core would write", () => {
  const value = fc
    .string({ unit: "grapheme" })
    .filter((each) => !each.includes("\r") && !each.includes("ghadelimiter"));
  const entries = fc.dictionary(fc.stringMatching(/^[A-Za-z_]\w*$/), value);
  fc.assert(
    fc.property(entries, (given) => {
      const content = Object.entries(given).map(([name, each]) => `${name}<<ghadelimiter_1\n${each}\nghadelimiter_1\n`);
      expect({ ...pairs(content.join(""), "GITHUB_OUTPUT") }).toEqual({ ...given });
    }),
  );
});

test("a command's message and properties survive their escaping", () => {
  const escaped = (part: string) => part.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (part: string) => escaped(part).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const words = fc.string({ unit: fc.constantFrom("a", "%", ":", ",", "\n", "\r", "=", " ", "2", "5") });
  fc.assert(
    fc.property(words, words, (title, message) => {
      const log = new JobLog();
      new CommandReader(log).line(`::error title=x${property(title)}x::${escaped(message)}`);
      expect(log.annotations).toEqual([{ kind: "error", message, title: `x${title}x` }]);
    }),
  );
});

test("a command of the older form is found anywhere in a line", () => {
  const log = new JobLog();
  const reader = new CommandReader(log);
  reader.line("test_a.py ##[error file=a.py;title=t]boo");
  reader.line("::nonsense:: ##[warning]boo");
  reader.line("## [error]quiet, ##[nonsense]quiet");
  expect(log.annotations).toEqual([
    { kind: "error", message: "boo", file: "a.py", title: "t" },
    { kind: "warning", message: "boo" },
  ]);
  reader.line("::stop-commands::x");
  reader.line("##[error]stopped");
  expect(log.annotations).toHaveLength(2);
});

test("text without expressions stays as it is, and quoted braces do not end one", () => {
  fc.assert(
    fc.property(
      fc.string().filter((each) => !each.includes("${{")),
      (each) => void expect(evaluate(each, {})).toBe(each),
    ),
  );
  expect(text("a ${{ format('{0}}}', '}}') }} b", {})).toBe("a }}} b");
  expect(evaluate("${{ fromJSON('[1,true,null]') }}", {})).toEqual([1, true, null]);
});

test("no secret survives masking, whatever is around it", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 4 }), fc.string(), fc.string(), (secret, before, after) => {
      fc.pre(secret.trim() === secret && !secret.includes("*"));
      const log = new JobLog();
      log.mask(secret);
      expect(log.masked(`${before}${secret}${after}`)).not.toContain(secret);
    }),
  );
});

test.each([
  [["**"], [".h/d.txt", "a/b/c.lock", "a/x.txt", "top.txt"]],
  [["**/*.txt"], [".h/d.txt", "a/x.txt", "top.txt"]],
  [["a"], ["a/b/c.lock", "a/x.txt"]],
  [["a", "!a/b"], ["a/x.txt"]],
  [["*.txt", "!**", "a/?.[tu]xt"], ["a/x.txt"]],
  [["none/*", "t.p.txt"], []],
])("the patterns %o find %o", (patterns, expected) => {
  const folder = temporaryFolder();
  for (const name of [".h", "a/b"]) mkdirSync(join(folder, name), { recursive: true });
  for (const name of [".h/d.txt", "a/b/c.lock", "a/x.txt", "top.txt"]) writeFileSync(join(folder, name), "");
  expect(findFiles(patterns, folder).map((file) => relative(folder, file))).toEqual(expected);
});
