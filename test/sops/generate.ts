/** Files for the matrix: every store, value type, selection rule and kind of key, made from a seed. */
import type { formats } from "@goatnote/sops-file";

export type Store = (typeof formats)[number];

/** Numbers from a seed, the same on every machine: https://github.com/cprosche/mulberry32 */
export class Random {
  private state: number;
  constructor(seed: number) {
    this.state = seed * 2654435761;
  }
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }
}

const texts = [
  "hunter2",
  "p@ss:w0rd # not a comment",
  "two\nlines",
  "ends with newline\n",
  "  spaces  ",
  "ünï¢ødé 🔐",
  "yes",
  "0777",
  "1.0",
  "null",
  "~",
  "2001-01-01",
  "'single' \"double\"",
  "back\\slash \\n",
  "- dash",
  "key: value",
  "%percent",
  "@at",
  "`tick`",
  "tab\there",
  "ENC[nearly]",
  "{json: 1}",
  "x".repeat(300),
  "-----BEGIN X-----\nabc\n-----END X-----\n",
  "a=b;c",
  "#hash",
  "\u2028line",
  "\u0001control",
];
const integers = ["0", "1", "-1", "42", "9007199254740993", "-9223372036854775808", "9223372036854775807", "123456789"];
const floats = ["0.5", "-1.25", "3.141592653589793", "1e21", "1.5e-7", "1e100", "5e-324", "0.1", "1e16"];
const keys = [
  "a",
  "b",
  "password",
  "10",
  "9",
  "__proto__",
  "constructor",
  "x_unencrypted",
  "y_enc",
  "toString",
  "with space",
  "ünï",
  "dot.ted",
  "A-B",
];

/** JSON text of a value; numbers as they are written, so that none is rounded here. */
type Written = string;

function value(random: Random, depth: number, store: Store): Written {
  const kind = random.below(depth > 2 ? 6 : 9);
  if (kind <= 1) return JSON.stringify(random.one(store === "yaml" ? yamlTexts : texts));
  if (kind === 2) return random.one(integers);
  if (kind === 3) return random.one(floats);
  if (kind === 4) return random.one(["true", "false"]);
  if (kind === 5) return random.one(["null", '""', "{}", "[]", '"x"']);
  if (kind === 6) return `[${list(random, 4, () => value(random, depth + 1, store)).join(", ")}]`;
  return object(random, depth + 1, store);
}

const list = <T>(random: Random, most: number, make: () => T): T[] =>
  Array.from({ length: random.below(most) + 1 }, make);

function object(random: Random, depth: number, store: Store): Written {
  const names = [...new Set(list(random, 6, () => random.one(keys)))];
  const items = names.map((name) => `${JSON.stringify(name)}: ${value(random, depth, store)}`);
  // JSON may hold a key twice, and both are hashed.
  if (store === "json" && random.below(5) === 0) items.push(items[0]!);
  return `{${items.join(", ")}}`;
}

// Where it is not encrypted, U+2028 in YAML is refused here; a test beside the reader holds that.
const yamlTexts = texts.filter((text) => !text.includes("\u2028"));
const comment = (random: Random, indent: string): string =>
  random.below(3) === 0 ? `${indent}# ${random.one(["sops:enc", "sops:plain", "note", "ünï"])}\n` : "";

/** YAML in block style, with comments, types of its own, and sometimes several documents, anchors and merges. */
function yaml(random: Random): string {
  const block = (indent: string, depth: number): string => {
    const names = [...new Set(list(random, 5, () => random.one(keys)))];
    return names
      .map((name) => {
        const above = comment(random, indent);
        const key = `${indent}${JSON.stringify(name)}:`;
        const kind = random.below(depth > 2 ? 6 : 9);
        if (kind === 7) return `${above}${key}\n${block(`${indent}  `, depth + 1)}`;
        if (kind === 8)
          return `${above}${key}\n${list(random, 3, () => `${indent}  - ${random.below(2) ? random.one(integers) : JSON.stringify(random.one(yamlTexts))}\n`).join("")}`;
        if (kind === 6)
          return `${above}${key} ${random.one(["2001-12-14T21:59:43.10-05:00", "2001-01-01", "0o17", "0x1F", "0777", "1_000", ".inf", "-.inf", "1.0", "yes", "~", "12:30:45", "1.2.3", "0b101", "+5", "1e3", "08"])}\n`;
        if (kind === 5) return `${above}${key} |\n${indent}    first\n\n${indent}    second ${random.below(100)}\n`;
        return `${above}${key} ${value(random, 3, "yaml")}${random.below(6) === 0 ? " # behind sops:enc" : ""}\n`;
      })
      .join("");
  };
  const documents = list(random, random.below(6) === 0 ? 3 : 1, () => block("", 0));
  if (random.below(6) === 0)
    documents[0] += "base: &base\n  shared: one\n  over: base\nchild:\n  <<: *base\n  over: child\nagain: *base\n";
  return documents.join("---\n");
}

const dotenv = (random: Random): string =>
  list(random, 8, () => random.below(5))
    .map((kind, i) =>
      kind === 0
        ? `# ${random.one(["note", "sops:enc", "sops:plain"])}\n`
        : `${random.one(["KEY", "export E", "SP ", "x_unencrypted", "y_enc"])}${i}=${random.one(texts).replaceAll("\n", "\\n")}\n`,
    )
    .join("") || "A=1\n";

const iniTexts = texts.filter((text) => !/[\n`\u2028\u0001\t]|^ |\\$/.test(text));
const ini = (random: Random): string =>
  list(
    random,
    3,
    () =>
      `[s${random.below(1000)}]\n${list(random, 4, () => `${random.below(4) === 0 ? "; note\n" : ""}k${random.below(1000)}${random.one(["", "_unencrypted", "_enc"])} = ${JSON.stringify(random.one(iniTexts).replaceAll('"', ""))}\n`).join("")}`,
  ).join("\n");

/** The plain content of a file. */
export function content(store: Store, random: Random): Buffer {
  switch (store) {
    case "json":
      return Buffer.from(object(random, 0, "json"));
    case "yaml":
      return Buffer.from(yaml(random));
    case "dotenv":
      return Buffer.from(dotenv(random));
    case "ini":
      return Buffer.from(ini(random));
    case "binary":
      return Buffer.from(Array.from({ length: random.below(400) + 1 }, () => random.below(256)));
  }
}

/** A selection rule, as `.sops.yaml` has it; comments exist in some stores only. */
export function rule(store: Store, random: Random): Record<string, string | boolean> {
  if (store === "binary") return {};
  const all: Record<string, string>[] = [
    {},
    { unencrypted_suffix: "_enc" },
    { encrypted_suffix: "_enc" },
    { unencrypted_regex: "^(a|b|s1.*)$" },
    { encrypted_regex: "(?i)PASS|_ENC$|[[:digit:]]" },
    ...(store === "yaml" || store === "dotenv"
      ? [{ encrypted_comment_regex: "sops:enc" }, { unencrypted_comment_regex: "sops:plain" }]
      : []),
  ];
  return { ...random.one(all), ...(random.below(3) === 0 && { mac_only_encrypted: true }) };
}

/** One edit of an encrypted file. */
export function edit(text: string, random: Random): string {
  const lines = text.split("\n");
  const [i, j] = [random.below(lines.length), random.below(lines.length)];
  switch (random.below(6)) {
    case 0: // two lines change places
      [lines[i], lines[j]] = [lines[j]!, lines[i]!];
      return lines.join("\n");
    case 1: // a line goes
      lines.splice(i, 1);
      return lines.join("\n");
    case 2: {
      // two encrypted values change places
      const values = [...new Set(text.match(/ENC\[AES256_GCM,[^\]]*type:[a-z]+\]/g) ?? [])];
      const [a, b] = [random.one(values) ?? "", random.one(values) ?? ""];
      return a === b
        ? text
        : text
            .split(a)
            .map((part) => part.replaceAll(b, a))
            .join(b);
    }
    default: {
      // one byte is another
      const at = random.below(text.length);
      return text.slice(0, at) + random.one([...'aA0_:."# =']) + text.slice(at + 1);
    }
  }
}
