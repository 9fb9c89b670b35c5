import fc from "fast-check";
import { Parser } from "htmlparser2";
import { expect, test } from "vitest";
import { XmlScanner } from "./xml.ts";

type Event = [string, ...unknown[]];

/** Events of a text, pieces of text joined. `warnings` are left out where peers are compared. */
function scan(text: string, cuts: number[] = [], warnings = true, maxTag?: number): Event[] {
  const events: Event[] = [];
  const scanner: XmlScanner = new XmlScanner(
    {
      wantsText: true,
      open: (name, attributes) => events.push(["open", name, { ...attributes }]),
      close: (name) => events.push(["close", name]),
      text: (piece) => {
        const last = events.at(-1);
        if (last?.[0] === "text") last[1] += piece;
        else events.push(["text", piece]);
      },
      warning: (message) => warnings && events.push(["warning", message, scanner.line]),
    },
    maxTag,
  );
  let at = 0;
  for (const cut of [...new Set(cuts)].filter((each) => each < text.length).sort((a, b) => a - b)) {
    scanner.write(text.slice(at, cut));
    at = cut;
  }
  scanner.write(text.slice(at));
  events.push(["end", scanner.end()]);
  return events;
}

/** The same by htmlparser2, which wrote none of this. */
function oracle(text: string): Event[] {
  const events: Event[] = [];
  const parser = new Parser(
    {
      onopentag: (name, attributes) => events.push(["open", name, { ...attributes }]),
      onclosetag: (name) => events.push(["close", name]),
      ontext: (piece) => {
        if (piece === "") return;
        const last = events.at(-1);
        if (last?.[0] === "text") last[1] += piece;
        else events.push(["text", piece]);
      },
    },
    { xmlMode: true },
  );
  parser.end(text);
  events.push(["end", false]);
  return events;
}

const name = fc.constantFrom("testcase", "testsuite", "failure", "system-out", "a", "x:y", "__proto__");
const value = fc
  .array(fc.constantFrom("a", "b c", "&amp;", "&lt;", "&#65;", "&#x1f600;", "'", "日本", "\n", ">", "=", "/", "]]"), {
    maxLength: 5,
  })
  .map((parts) => parts.join(""));
const attributes = fc.dictionary(fc.constantFrom("name", "time", "message", "file"), value, { maxKeys: 4 });
const { document } = fc.letrec<{ document: string; content: string }>((tie) => ({
  content: fc.oneof(
    { maxDepth: 4 },
    value.filter((text) => !text.includes("]]")),
    // Taking out each "]]>" alone may leave another one, of what stood around it.
    value.map((text) => `<![CDATA[${text.replace(/\]{2,}(?=>)/g, "]")}<not a="tag">&amp;]]>`),
    value.map((text) => `<!-- ${text.replaceAll("-", "")} <testcase> -->`),
    tie("document"),
  ),
  document: fc
    .tuple(name, attributes, fc.array(tie("content"), { maxLength: 4 }), fc.constantFrom(" ", "\n\t"))
    .map(([tag, attrs, content, space]) => {
      const list = Object.entries(attrs).map(([key, text]) => `${space}${key}="${text}"`);
      return content.length === 0
        ? `<${tag}${list.join("")}${space}/>`
        : `<${tag}${list.join("")}>${content.join("")}</${tag}>`;
    }),
}));

/** Markup broken in every way that a few pieces can be. */
const broken = fc
  .array(
    fc.constantFrom(
      ..."<,>,/,&,;,\",',=,!,?,-,[,],a,b, ,\n".split(","),
      "<testcase ",
      'name="x"',
      "</testcase>",
      "<![CDATA[",
      "]]>",
      "<!--",
      "-->",
      "<!DOCTYPE a [",
      "&lt;",
      "&#0;",
      "&lol;",
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(""));
const cuts = fc.array(fc.nat(300), { maxLength: 20 });

test("well-formed documents are read as htmlparser2 reads them", () => {
  fc.assert(
    fc.property(document, (text) => {
      expect(scan(text, [], false)).toEqual(oracle(text));
    }),
    { numRuns: 500 },
  );
});

test("any chunking gives equal events", () => {
  fc.assert(
    fc.property(fc.oneof(document, broken), cuts, (text, places) => {
      expect(scan(text, places)).toEqual(scan(text));
    }),
    { numRuns: 2000 },
  );
});

test("any chunking gives equal events at the limit of a tag", () => {
  fc.assert(
    fc.property(fc.oneof(document, broken), cuts, fc.integer({ min: 8, max: 40 }), (text, places, maxTag) => {
      expect(scan(text, places, true, maxTag)).toEqual(scan(text, [], true, maxTag));
    }),
    { numRuns: 2000 },
  );
});

const opened = (text: string) => scan(text).flatMap(([kind, tag, attrs]) => (kind === "open" ? [[tag, attrs]] : []));
const warned = (text: string) => scan(text).flatMap(([kind, message]) => (kind === "warning" ? [message] : []));

test.each([
  ["a < in a value", '<a name="x < y" time="1"/>', [["a", { name: "x < y", time: "1" }]]],
  ["a < and an = in a value", '<a name="<<computed>>" time="=<"/>', [["a", { name: "<<computed>>", time: "=<" }]]],
  [
    "a value without end",
    '<a name="x>\n<b name="y"/>',
    [
      ["a", { name: "x" }],
      ["b", { name: "y" }],
    ],
  ],
  [
    "a tag without end",
    '<a name="x" <b name="y"/>',
    [
      ["a", { name: "x" }],
      ["b", { name: "y" }],
    ],
  ],
  [
    "an unquoted value with markup",
    '<a time=<<c>><b name="y"/>',
    [
      ["a", { time: "" }],
      ["c", {}],
      ["b", { name: "y" }],
    ],
  ],
  [
    "a bare tag in text",
    'for <line number>: <b name="y"/>',
    [
      ["line", { number: "" }],
      ["b", { name: "y" }],
    ],
  ],
  ["less-than signs in text", 'if 1 < 2 <= 3 << 4 <b name="y"/>', [["b", { name: "y" }]]],
  ["no space between values", '<a x="1"y="2"/>', [["a", { x: "1", y: "2" }]]],
  ["an attribute twice", '<a x="1" x="2"/>', [["a", { x: "1" }]]],
  ["a DOCTYPE with entities", '<!DOCTYPE a [<!ENTITY x "<t name=\'no\'/>">]><b name="&x;"/>', [["b", { name: "&x;" }]]],
  ["a CDATA section in a CDATA section", "<![CDATA[ <![CDATA[ <a/> ]]><b/>", [["b", {}]]],
])("goes on after %s", (_what, text, expected) => {
  expect(opened(text)).toEqual(expected);
});

test("an attribute named __proto__ is an attribute", () => {
  const [, , attrs] = scan('<a __proto__="x" constructor="y"/>').find(([kind]) => kind === "open")!;
  expect(Object.entries(attrs as object)).toEqual([
    ["__proto__", "x"],
    ["constructor", "y"],
  ]);
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

test.each([
  ["&lol9;", '<a name="&lol9;"/>', "&lol9;"],
  ["&#0;", '<a name="&#0;&#xD800;&#x110000;"/>', "\ufffd\ufffd\ufffd"],
  ["a lone &", '<a name="a & b &amp c"/>', "a & b &amp c"],
])("an entity that is none, %s, is kept as text", (_what, text, expected) => {
  expect(opened(text)).toEqual([["a", { name: expected }]]);
});

test("warnings name their line", () => {
  expect(scan('<a>\n\n<b x="<"/>', [5, 6, 9]).find(([kind]) => kind === "warning")).toEqual([
    "warning",
    "A raw < in an attribute of <b>.",
    3,
  ]);
  expect(warned('<!DOCTYPE a [<!ENTITY x "y">]><a/>')).toEqual([
    "The document declares its own entities; they are not expanded.",
  ]);
});

test.each(['<a><b name="x', "<a><!-- x", "<a><![CDATA[ x", "<a></a", "<!DOCTYPE"])("%s is cut", (text) => {
  expect(scan(text).at(-1)).toEqual(["end", true]);
});
