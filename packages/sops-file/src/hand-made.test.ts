/** Files that SOPS did not write, or not like this: as people edit them, and as an attacker would. */
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readEncrypted } from "./decrypt.ts";
import { formatFloat, normaliseTime, parseInt64 } from "./go-values.ts";
import { leavesOf, withMerges } from "./leaves.ts";
import { azureName } from "./metadata.ts";
import { selectorOf } from "./selection.ts";
import { formatOf, readDocuments } from "./stores.ts";
import type { Documents, Node } from "./tree.ts";
import { dataKey, decryptValue, encryptValue, looksEncrypted } from "./value.ts";
import { readRegularYaml } from "./yaml-regular.ts";
import { resolvePlain } from "./yaml-scalar.ts";
import { readYaml } from "./yaml-store.ts";

const read = (text: string, format: "yaml" | "json" | "dotenv" | "ini" = "yaml"): Promise<Documents> =>
  readDocuments(Buffer.from(text), format);
const pairs = (documents: Documents): unknown[] =>
  documents.flatMap(({ items }) => items.map(({ key, value }) => [key, value]));

describe("plain values of YAML mean what go-yaml v3 makes of them", () => {
  test.each<[string, string, string]>([
    ["0777", "int", "511"],
    ["0o17", "int", "15"],
    ["0x1F", "int", "31"],
    ["0b101", "int", "5"],
    ["-0b101", "int", "-5"],
    ["1_000", "int", "1000"],
    ["+5", "int", "5"],
    ["9007199254740993", "int", "9007199254740993"],
    ["08", "float", "8"],
    ["1.0", "float", "1"],
    ["1e3", "float", "1000"],
    [".5", "float", "0.5"],
    ["123456789012345678901234567890", "float", "123456789012345680000000000000"],
    ["+.inf", "float", "+Inf"],
    ["-.INF", "float", "-Inf"],
    [".NaN", "float", "NaN"],
    ["2001-01-01", "time", "2001-01-01T00:00:00Z"],
    ["2001-12-14t21:59:43.10-05:00", "time", "2001-12-14T21:59:43.1-05:00"],
    ["2001-12-14 21:59:43.10", "time", "2001-12-14T21:59:43.1Z"],
    ["yes", "str", "yes"],
    ["on", "str", "on"],
    ["12:30:45", "str", "12:30:45"],
    ["1.2.3", "str", "1.2.3"],
    ["0x", "str", "0x"],
    ["2001-13-45", "str", "2001-13-45"],
    ["-", "str", "-"],
  ])("%s is %s %s", (text, kind, meaning) => {
    const value = resolvePlain(text);
    const shown = value.kind === "float" ? formatFloat(value.number) : "text" in value ? value.text : "";
    expect([value.kind, shown]).toEqual([kind, meaning]);
  });

  test("an integer from 2^63 to 2^64 is refused, as SOPS refuses it", () => {
    expect(() => resolvePlain("18446744073709551615")).toThrow("which SOPS refuses");
  });

  test("floats are written as Go writes them: the same number, without an exponent", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const text = formatFloat(number);
        expect(text).toMatch(/^-?\d+(\.\d+)?$/);
        expect(Object.is(Number(text), number)).toBe(true);
      }),
    );
    expect([1e21, 5e-324, -0, 123456.789].map(formatFloat)).toEqual([
      "1000000000000000000000",
      `0.${"0".repeat(323)}5`,
      "-0",
      "123456.789",
    ]);
  });

  test("times and integers out of range are none", () => {
    expect(
      ["2001-02-29T00:00:00Z", "2001-01-01T24:00:00Z", "2001-01-01T00:00:00+24:00", "now"].map(normaliseTime),
    ).toEqual([undefined, undefined, undefined, undefined]);
    expect([parseInt64("9223372036854775808"), parseInt64("-9223372036854775808")]).toEqual([
      undefined,
      "-9223372036854775808",
    ]);
  });
});

describe("keys", () => {
  test("that look like numbers keep their place, and __proto__ is one like any other", async () => {
    const names = ["10", "9", "__proto__", "constructor", "a"];
    const json = await read(`{${names.map((name) => `"${name}": 1`).join(",")}}`, "json");
    expect(json[0]?.items.map(({ key }) => key)).toEqual(names);
    const yaml = await read(names.map((name) => `"${name}": 1\n`).join(""));
    expect(yaml[0]?.items.map(({ key }) => key)).toEqual(names);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("that stand twice: both are kept in JSON, the last counts in ini, refused in YAML", async () => {
    expect(pairs(await read('{"a": 1, "a": 2}', "json"))).toHaveLength(2);
    expect(
      leavesOf(await read("[s]\na = 1\nb = 2\na = 3\n", "ini")).map(({ path, value }) => [path.join("."), value]),
    ).toEqual([
      ["s.a", { kind: "str", text: "3" }],
      ["s.b", { kind: "str", text: "2" }],
    ]);
    await expect(read("a: 1\nb: 2\na: 3\n")).rejects.toThrow('The key "a" stands twice');
  });

  test.each(["1: a\n", "true: a\n", "null: a\n", "? [a]\n: b\n", "2001-01-01: a\n"])(
    "that are no text are refused: %j",
    async (text) => {
      await expect(read(text)).rejects.toThrow("a key that is not a string");
    },
  );
});

describe("structure of YAML", () => {
  test("aliases stand for what they name, and merges give way to own keys", async () => {
    const [document] = await read("base: &b {x: 1, y: 2}\nother: *b\nchild:\n  <<: *b\n  y: 3\n");
    expect(
      leavesOf(withMerges([document!])).map(
        ({ path, value }) => `${path.join(".")}=${"text" in value ? value.text : ""}`,
      ),
    ).toEqual(["base.x=1", "base.y=2", "other.x=1", "other.y=2", "child.x=1", "child.y=3"]);
  });

  test("comments in lists are no values", async () => {
    expect(leavesOf(await read("a:\n  # one\n  - x # two\n  - y\n"))).toEqual([
      { path: ["a", 0], value: { kind: "str", text: "x" } },
      { path: ["a", 1], value: { kind: "str", text: "y" } },
    ]);
  });

  test.each([
    ["a list at the top", "- a\n", "is not a mapping"],
    ["text at the top", "text\n", "is not a mapping"],
    ["an anchor that is not there", "a: *b\n", "YAML anchor|not valid YAML"],
    ["a tag of a program", "a: !!python/object:os.system x\n", "which is not read"],
    ["a separator that readers take differently", "a: 'x\u2028y'\n", "readers do not agree"],
    ["a conflict", "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> b\n", "not valid YAML: line"],
  ])("%s is refused", async (_, text, message) => {
    await expect(read(text)).rejects.toThrow(new RegExp(message));
  });

  test("a flow collection may end at the margin, as sops writes one that holds comments only", async () => {
    const text = "a:\n    m: {\n        # c }\n}\n    l: [\n        # c\n]\n    x: y\nb: |\n    }\n";
    expect(leavesOf(await read(text))).toEqual([
      { path: ["a", "x"], value: { kind: "str", text: "y" } },
      { path: ["b"], value: { kind: "str", text: "}\n" } },
    ]);
    await expect(read("a:\n    m: {\n    # c\nx }\n")).rejects.toThrow("not valid YAML: line 4");
    await expect(read(`a:\n${"    m: {\n        # c\n}\n".repeat(60)}`)).rejects.toThrow("not valid YAML: line 154");
  });

  test("CRLF and a byte order mark", async () => {
    expect(pairs(await read("\ufeffa: x\r\nb: |\r\n  y\r\n"))).toEqual([
      ["a", { kind: "str", text: "x" }],
      ["b", { kind: "str", text: "y\n" }],
    ]);
    // The other stores keep what is there, as SOPS does.
    expect(pairs(await read("a=x\r\n", "dotenv"))).toEqual([["a", { kind: "str", text: "x\r" }]]);
    expect(leavesOf(await read("\ufeff[s]\r\na = x\r\n", "ini"))).toEqual([
      { path: ["s", "a"], value: { kind: "str", text: "x" } },
    ]);
    await expect(read('\ufeff{"a": 1}', "json")).rejects.toThrow("the top level is not an object");
  });
});

describe("the reader for regular YAML", () => {
  const bare = (node: Node): unknown =>
    node.kind === "map"
      ? node.items.filter(({ key }) => key !== null).map(({ key, value }) => [key, bare(value)])
      : node.kind === "seq"
        ? ["list", ...node.items.filter(({ kind }) => kind !== "comment").map(bare)]
        : node;
  const line = fc.tuple(
    fc.constantFrom("", "  ", "    ", "      "),
    fc.constantFrom("", "- ", "- - ", "-", "# "),
    fc.constantFrom(
      "a:",
      "b:",
      "a: x",
      '"c": 1',
      "d: |",
      "e: |-",
      "f: ENC[AES256_GCM,data:x,type:str]",
      "g: 'q'",
      "h: []",
      "i: {}",
      "x",
      "ENC[a]",
      "null: 1",
      "k: a b",
      "l: &x y",
      "m: # c",
      "n: - x",
      "---",
      "",
      "o: ENC[a] # c",
      "p:x",
      "'q': 1",
      "true",
      "-5",
      "|",
      "5: 6",
    ),
  );

  test("agrees with the library wherever it reads at all", () => {
    let regular = 0;
    fc.assert(
      fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
        const text = lines.map((parts) => `${parts.join("")}\n`).join("");
        const documents = readRegularYaml(text);
        if (documents === undefined) return;
        regular++;
        expect(documents.map(bare), text).toEqual(readYaml(text).map(bare));
      }),
      { numRuns: 20_000 },
    );
    expect(regular).toBeGreaterThan(100);
  });

  test.each(
    [..."\u00a0\u1680\u2000\u2003\u200a\u202f\u205f\u3000"].flatMap((space) => [
      `a:\n${space}b: x\n`,
      `a:\n  b: x\n ${space}c: y\n`,
      `a: |\n  x\n${space}${space}y\n`,
      `a: |\n ${space}x\n`,
      `a:\n  -${space}x\n`,
      `${space}# a comment or not\na: x\n`,
      `a: |\n  x\n  ${space}\n`,
    ]),
  )("leaves spaces of other kinds to the library: %j", async (text) => {
    expect(readRegularYaml(text)).toBeUndefined();
    const bareOrError = async (reader: () => Documents | Promise<Documents>) => {
      try {
        return (await reader()).map(bare);
      } catch (error) {
        return String(error);
      }
    };
    expect(await bareOrError(() => read(text))).toEqual(await bareOrError(() => readYaml(text)));
  });

  test.each([998, 999, 1000, 1022, 1023, 1024, 1025, 2000])("agrees on a key of %s characters", async (length) => {
    for (const key of ["k".repeat(length), `"${"k".repeat(length)}"`]) {
      const text = `${key}: x\n`;
      const wanted = (() => {
        try {
          return readYaml(text).map(bare);
        } catch (error) {
          return String(error);
        }
      })();
      expect(await read(text).then((documents) => documents.map(bare), String)).toEqual(wanted);
      if (length >= 1000) expect(readRegularYaml(text)).toBeUndefined();
    }
  });

  test("reads what SOPS writes", () => {
    expect(
      readRegularYaml(
        "db:\n    password: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\n    list:\n        - a\n        - b: |\n            c\n",
      ),
    ).toBeDefined();
  });
});

describe("values", () => {
  const key = dataKey(randomBytes(32));
  const sealed = encryptValue({ kind: "str", text: "secret" }, key, "a:b:");

  test("open only where they belong", () => {
    expect(decryptValue(sealed, key, "a:b:")?.value).toEqual({ kind: "str", text: "secret" });
    expect(decryptValue(sealed, key, "a:c:")).toBeUndefined();
    expect(decryptValue(sealed, dataKey(randomBytes(32)), "a:b:")).toBeUndefined();
  });

  test.each(["str", "bytes"] as const)("of 20 MB come back as they were: %s", (kind) => {
    const bytes = Buffer.alloc(20_000_000, kind === "str" ? "0123456789\n" : Buffer.from([0, 255, 128, 10]));
    const value = kind === "str" ? { kind, text: bytes.toString() } : { kind, bytes };
    const large = encryptValue(value, key, "data:");
    expect(looksEncrypted(large)).toBe(true);
    const opened = decryptValue(large, key, "data:");
    expect(opened?.value.kind).toBe(kind);
    expect(opened?.hashed.equals(bytes)).toBe(true);
  });

  test("have the form that the expression in SOPS gives them", () => {
    // https://github.com/getsops/sops/blob/v3.13.2/aes/cipher.go
    const form = /^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]/s;
    const part = fc.constantFrom(
      "ENC[AES256_GCM,data:",
      "data:",
      ",iv:",
      ",tag:",
      ",type:",
      "str",
      "]",
      "A",
      "=",
      "\n",
      ",",
    );
    let matched = 0;
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 14 }),
        fc.subarray([",iv:", "A", ",tag:", "B", ",type:", "str", "]"]),
        (a, b) => {
          for (const text of [
            a.join(""),
            `ENC[AES256_GCM,data:${[...a.slice(0, 3), ...b, ...a.slice(3, 6)].join("")}`,
          ]) {
            expect(looksEncrypted(text), text).toBe(form.test(text));
            matched += Number(form.test(text));
          }
        },
      ),
      { numRuns: 5000 },
    );
    expect(matched).toBeGreaterThan(10);
  });

  test.each(["A", "AA", "AAA", "AAA=A", "A===", "====", "AA=A", "AA==AAAA", "AAA-", "AAAA=", " AAA", "AAAA "])(
    "whose data is not whole base64 are malformed: %j",
    (data) => {
      expect(() => decryptValue(sealed.replace(/data:[^,]+/, `data:${data}`), key, "a:b:")).toThrow("not in the form");
    },
  );

  test("may be wrapped, and what follows them is left out", () => {
    const wrapped = sealed.replace(/data:(..)/, "data:$1\r\n");
    expect(decryptValue(`${wrapped} trailing`, key, "a:b:")?.value).toEqual({ kind: "str", text: "secret" });
  });

  test("a shortened tag is none: Node takes 4 bytes by default", () => {
    const [, tag = ""] = /tag:([^,]+)/.exec(sealed) ?? [];
    const short = Buffer.from(tag, "base64").subarray(0, 4).toString("base64");
    expect(decryptValue(sealed.replace(tag, short), key, "a:b:")).toBeUndefined();
  });

  test("every type comes back as it was", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc
            .string({ unit: "binary", minLength: 1 })
            .map((text) => ({ kind: "str" as const, text: text.toWellFormed() })),
          fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => ({ kind: "int" as const, text: String(n) })),
          fc.double().map((number) => ({ kind: "float" as const, number })),
          fc.boolean().map((value) => ({ kind: "bool" as const, value })),
          fc.constant({ kind: "bytes" as const, bytes: Buffer.from([0, 255, 128]) }),
        ),
        (value) => {
          expect(decryptValue(encryptValue(value, key, "p:"), key, "p:")?.value).toEqual(value);
        },
      ),
    );
  });
});

describe("hostile files end early, with a reason", () => {
  test("a bomb of aliases", async () => {
    const bomb = Array.from(
      { length: 30 },
      (_, i) => `l${i}: &l${i} [${i === 0 ? "x" : Array.from({ length: 9 }, () => `*l${i - 1}`).join(", ")}]\n`,
    ).join("");
    await expect(read(bomb)).rejects.toThrow(/values once its aliases are replaced|nested more than/);
  });

  // Each takes a moment where the work grows with the size, and minutes where it grows with its square.
  test("100,000 aliases", async () => {
    const aliases = Array.from({ length: 100_000 }, (_, i) => `k${i}: *b\n`).join("");
    const [document] = await read(`base: &b x\n${aliases}`);
    expect(document?.items.at(-1)).toEqual({ key: "k99999", value: { kind: "str", text: "x" } });
  });

  test("an anchor that stands twice means the last before the alias", async () => {
    const documents = await read("a: &x 1\nb: *x\nc: &x 2\nd: *x\ne: &y [*x]\nf: *y\n");
    expect(leavesOf(documents).map(({ value }) => "text" in value && value.text)).toEqual([
      "1",
      "1",
      "2",
      "2",
      "2",
      "2",
    ]);
    await expect(read("a: *x\nb: &x 1\n")).rejects.toThrow(/YAML anchor|not valid YAML/);
    await expect(read("a: &a [*a]\n")).rejects.toThrow(/nested more than|YAML anchor|not valid YAML/);
  });

  test("200,000 keys in one section of an ini file", async () => {
    const text = Array.from({ length: 200_000 }, (_, i) => `key${i} = x\n`).join("");
    expect(leavesOf(await read(`[s]\n${text}`, "ini"))).toHaveLength(200_000);
  });

  test.each(["dotenv", "ini"] as const)("flat metadata of %s, nested 20,000 deep", async (format) => {
    const key = `age${"__list_0__map_x".repeat(20_000)}`;
    const text = format === "ini" ? `[a]\nb = c\n[sops]\n${key} = x\n` : `b=c\nsops_${key}=x\n`;
    await expect(readEncrypted(Buffer.from(text), format)).rejects.toMatchObject({ problem: "too-large" });
  });

  test.each<["yaml" | "json", string]>([
    ["json", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`],
    ["json", `{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`],
    ["yaml", `a: ${"[".repeat(10_000)}${"]".repeat(10_000)}\n`],
    ["yaml", Array.from({ length: 3000 }, (_, i) => `${" ".repeat(i)}a:\n`).join("")],
    ["yaml", `a: ${"- ".repeat(10_000)}x\n`],
    ["yaml", `a:\n  ${"- ".repeat(10_000)}x\n`],
  ])("%s, nested 10,000 deep", async (format, text) => {
    await expect(read(text, format)).rejects.toThrow(/nested more than 200|not valid YAML/);
  });

  test.each(["(a+)+$", "(a|aa)+$", "(.*a){25}", "((a{1,100}){1,100}){1,100}"])(
    "a catastrophic expression: %s",
    async (text) => {
      const { isEncrypted } = await selectorOf({ rule: "encrypted_regex", text });
      isEncrypted([`${"a".repeat(30_000)}!`], [], false);
    },
  );

  test.each(["(?!x)a", "(?<=x)a", "(a)\\1", "a{2000}", "[", "x".repeat(20_000)])(
    "%s is no expression of RE2, and matches nothing",
    async (text) => {
      const selector = await selectorOf({ rule: "encrypted_regex", text });
      expect([selector.invalid, selector.isEncrypted(["a", "xa", "aa"], [], false)]).toEqual([true, false]);
    },
  );

  test("bytes that are no UTF-8", async () => {
    await expect(readDocuments(Buffer.from([0x61, 0x3d, 0xff]), "dotenv")).rejects.toThrow("It is not UTF-8");
  });

  test("no content of a file is in an error", async () => {
    for (const format of ["yaml", "json", "dotenv", "ini"] as const) {
      await fc.assert(
        fc.asyncProperty(fc.string(), async (around) => {
          const text = `${around}\nSECRETVALUE "SECRETVALUE {[&*!|`;
          await read(text, format).catch((error: Error) => expect(error.message).not.toContain("SECRETVALUE"));
        }),
        { numRuns: 200 },
      );
    }
  });
});

test("the format is known by the name, as SOPS knows it", () => {
  const names = ["a.yaml", "a.yml", "a.json", "a.env", ".env", "a.ini", "a.env.enc", "secret"];
  expect(names.map(formatOf)).toEqual(["yaml", "yaml", "json", "dotenv", "dotenv", "ini", "binary", "binary"]);
});

test("an address of a million slashes takes no time that grows with its square", () => {
  expect(azureName(`${"/".repeat(1_000_000)}x`, "key", "")).toMatch(/x\/keys\/key$/);
  expect(azureName("https://a.vault.azure.net//", "key", "1")).toBe("https://a.vault.azure.net/keys/key/1");
});
