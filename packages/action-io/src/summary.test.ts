import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { registerSecret } from "./secrets.ts";
import { code, cut, details, plain, prose, seconds, table, writeSummary } from "./summary.ts";

const bytes = (text: string): number => Buffer.byteLength(text);
const mebibyte = 1024 * 1024;

/** What a browser shows of the two forms in which `plain` and `code` write a character. */
const displayed = (markdown: string): string =>
  markdown
    .replace(/<\/?(span|code)>/g, "")
    .replace(/&#(\d+);/g, (_, character) => String.fromCharCode(Number(character)));

/** What is left for a Markdown parser and GitHub's filters to see when those two forms are set aside. */
const raw = (markdown: string): string => markdown.replace(/<\/?code>/g, "\0").replace(/<span>.<\/span>|&#\d+;/g, "\0");

const hostile = [
  "[click](https://evil.example)",
  "![x](http://evil.example/x.png)",
  "<img src=x onerror=alert(1)>",
  "</code></details><script>",
  "<!-- ",
  "&lt;b&gt; &#60;",
  "@octocat and @org/team",
  "me@example.org mailto:me@example.org",
  "#1 owner/repo#2",
  "https://evil.example HTTP://evil.example ftp://evil.example www.evil.example WWW.evil.example",
  "a | b \\| c \\",
  "`code` ``x`` ~~~",
  "**bold** _it_ ~~no~~ $x^2$ $$y$$",
  "[^1]: note",
  ":tada: ::octocat:",
  "a\nb\r\n\r\n# c\u2028d\te\u000bf\u0000g\u0085h\u001b[31m",
  "\u202eabc\u2066d\u200fe\u061cf\u200e",
];
const atLineStart = [
  "- x",
  "+ x",
  "* x",
  "# x",
  "> x",
  "1. x",
  "12) x",
  "---",
  "===",
  "    x",
  "\t- x",
  "~~~",
  "| x |",
];

/** The text of a browser, part by part: in prose, what backticks enclose stands without them. */
const shown = (text: string, neutralise: (text: string) => string): string =>
  (neutralise === prose ? text.split(/`([^`]+)`/) : [text])
    .map((part) => part.replace(/[\r\n\t]+/g, " ").replace(/[\p{Cc}\p{Bidi_Control}]/gu, ""))
    .join("");

describe.each([
  ["plain", plain],
  ["code", code],
  ["prose", prose],
])("%s shows the text of strangers as it is", (_, neutralise) => {
  const check = (text: string): void => {
    const markdown = neutralise(text);
    expect(raw(markdown)).not.toMatch(/[&<>`|*_{}[\]\\~@#$]|:\/\/|www\.|[\p{Cc}\p{Bidi_Control}](?<!\0)/iu);
    expect(raw(markdown)).not.toMatch(/:[\w+-]+:/);
    expect(displayed(markdown).trim()).toBe(shown(text, neutralise).trim());
  };
  test.each([...hostile, ...atLineStart])("%j", check);
  test("whatever it is made of", () => {
    const parts = fc.oneof(
      fc.constantFrom(...hostile, ...atLineStart, ..."@#$:/.w<>&`|\\"),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(
        fc.array(parts).map((it) => it.join("")),
        check,
      ),
      { numRuns: 1000 },
    );
  });
});

test("plain and prose start no list, quotation, heading or rule", () => {
  for (const text of atLineStart)
    for (const neutralise of [plain, prose]) expect(raw(neutralise(text))).not.toMatch(/^\s|^[-+=>:]|^\d+[.)]/);
  expect(plain("1.5 and 2-3 (x) = y")).not.toContain("2&#");
});

test("prose shows what it quotes in code font", () => {
  expect(prose("Set `sandbox = true` in `nix.conf`.")).toBe(
    "Set <code>sandbox = true</code> in <code>nix.conf</code>.",
  );
  expect(prose("`a` and one ` more")).toBe("<code>a</code> and one &#96; more");
});

test("code is one element, even of nothing", () => {
  expect(code("")).toBe("<code></code>");
  expect(code("tests/a.py::test[x]")).toBe("<code>tests/a.py::test&#91;x&#93;</code>");
});

test("tables", () => {
  expect(table(["a", "b"], [["1", "2"]])).toBe("\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n");
  expect(table(["a"], [])).toBe("");
});

test.each([
  [0.04, "0.0 s"],
  [4.23, "4.2 s"],
  [42.4, "42 s"],
  [59.7, "1 min 0 s"],
  [200, "3 min 20 s"],
  [119.6, "2 min 0 s"],
])("%s seconds are %s", (value, words) => {
  expect(seconds(value)).toBe(words);
});

/** Which blocks are open at the end: CommonMark's rule for fences, a counter for details. */
function openBlocks(markdown: string): { fence: string; details: number } {
  let [fence, depth] = ["", 0];
  for (const line of markdown.split("\n")) {
    const mark = /^ {0,3}(```+|~~~+)\s*(.*)$/.exec(line);
    if (fence !== "") {
      if (mark && mark[1]![0] === fence[0] && mark[1]!.length >= fence.length && mark[2] === "") fence = "";
    } else if (mark && !(mark[1]!.startsWith("`") && mark[2]!.includes("`"))) fence = mark[1]!;
    else depth += (line.match(/<details\b/gi)?.length ?? 0) - (line.match(/<\/details>/gi)?.length ?? 0);
  }
  return { fence, details: depth };
}

describe("cut", () => {
  const note = /\n\n> This summary was cut: GitHub shows at most 1 MiB of it, and it has \d+ KiB\.\n$/;

  test("leaves alone what fits", () => {
    expect(cut("é".repeat(10), 20)).toBe("é".repeat(10));
    expect(cut("é".repeat(10), 19)).toBe("");
  });

  test("ends at the end of a line and says so", () => {
    const line = `${"ü".repeat(49)}\n`;
    const result = cut(line.repeat(100), 1000);
    expect(result).toMatch(note);
    const kept = result.replace(note, "");
    expect(kept).toBe(line.repeat(kept.length / line.length));
    expect(bytes(result)).toBeGreaterThan(1000 - bytes(line) - 1);
  });

  const body = "x\n".repeat(200);
  test.each([
    ["a fence", `\`\`\`text\n${body}\`\`\`\n`],
    ["a longer fence with a shorter in it", `\`\`\`\`md\n\`\`\`\n${body}\`\`\`\`\n`],
    ["a fence with a fence that opens in it", `\`\`\`md\n\`\`\`js\n${body}\`\`\`\n`],
    ["a fence of tildes with backticks in it", `~~~\n\`\`\`\n${body}~~~\n`],
    ["an indented fence", `  \`\`\`\n${body}  \`\`\`\n`],
    ["code of three backticks on one line", `\`\`\`x\`\`\`\n${body}`],
    ["a fence after Windows line ends", `\`\`\`\r\na\r\n\`\`\`\r\n${body}`],
    ["details", details("a", body)],
    ["open details", `<details open>\n\n${body}\n</details>\n`],
    ["details in details in details", details("a", details("b", details("c", body)))],
    ["details after closed ones", `${details("a", "b")}${details("c", body)}`],
    ["a fence in details", details("a", `\`\`\`text\n${body}\`\`\``)],
    ["details shown in a fence", `\`\`\`html\n<details>\n<details>\n${body}\`\`\`\n`],
    ["details in capitals", `<DETAILS>\n\n${body}</DETAILS>\n`],
  ])("closes %s", (_, markdown) => {
    for (let room = 120; room < 400; room += 7) {
      const result = cut(markdown, room);
      expect(bytes(result)).toBeLessThanOrEqual(room);
      expect(result).toMatch(note);
      expect(openBlocks(result.replace(note, ""))).toEqual({ fence: "", details: 0 });
    }
  });

  test("fits, says that it was cut, and leaves nothing open, for any text", () => {
    const blocks = [
      "```",
      "````md",
      "~~~",
      "  ```",
      "<details>",
      "<details><summary>x</summary>",
      "</details>",
      "",
      "\r",
    ];
    const line = fc.oneof(fc.constantFrom(...blocks), fc.string({ unit: "binary", maxLength: 60 }));
    const markdown = fc.array(line, { maxLength: 60 }).map((it) => it.join("\n"));
    fc.assert(
      fc.property(markdown, fc.integer({ min: -10, max: 1000 }), (text, room) => {
        const result = cut(text, room);
        expect(bytes(result)).toBeLessThanOrEqual(Math.max(0, room));
        if (result === text) return;
        if (room > 120) expect(result).toMatch(note);
        const { fence, details } = openBlocks(result.replace(note, ""));
        expect(fence).toBe("");
        expect(details).toBeLessThanOrEqual(0);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("the summary file", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "summary-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("gets one part after the other, without secrets", async () => {
    const file = join(folder, "parts.md");
    registerSecret("s3cret-of-summary");
    await writeSummary("\n# One s3cret-of-summary\n", file);
    await writeSummary("Two", file);
    expect(await readFile(file, "utf8")).toBe("# One ***\n\nTwo\n\n");
  });

  test("stays within GitHub's limit however many write", async () => {
    const file = join(folder, "full.md");
    await writeFile(file, "y\n".repeat(100_000));
    for (let round = 0; round < 3; round++) await writeSummary("ä line of text\n".repeat(50_000), file);
    const { size } = await stat(file);
    expect(size).toBeLessThanOrEqual(mebibyte);
    expect(size).toBeGreaterThan(mebibyte - 200);
    expect(await readFile(file, "utf8")).toContain("This summary was cut");
  });

  test("that is full stays as it is", async () => {
    const file = join(folder, "brim.md");
    await writeFile(file, "y".repeat(mebibyte));
    await writeSummary("more", file);
    expect((await stat(file)).size).toBe(mebibyte);
  });

  test("is not needed", async () => {
    await expect(writeSummary("text", undefined)).resolves.toBeUndefined();
    await expect(writeSummary("text", "")).resolves.toBeUndefined();
  });
});
