/** Decrypted values as a file again. Comments are left out. */
import { SopsError } from "./errors.ts";
import { formatFloat } from "./go-values.ts";
import { keyedItems, textOf } from "./leaves.ts";
import type { Format } from "./stores.ts";
import { type Documents, lookup, type Mapping, type Node, type Scalar } from "./tree.ts";

/** What a decrypted file can be written as. */
export type OutputFormat = "yaml" | "json" | "dotenv" | "ini" | "binary";

/** The content of a file with these values. @throws SopsError when the format cannot hold them */
export function emit(documents: Documents, format: OutputFormat, from: Format): Buffer {
  if (format === "binary") return emitBinary(documents);
  if (format === "yaml") return Buffer.from(documents.map((document) => yamlMapping(document, "")).join("---\n"));
  const [document, ...more] = documents;
  if (document === undefined || more.length > 0)
    throw new SopsError(
      "unsupported",
      `It holds ${documents.length} YAML documents, and ${format} can hold one; use \`output-format: yaml\`.`,
    );
  if (format === "json") return Buffer.from(`${json(document, "")}\n`);
  if (format === "ini") return Buffer.from(ini(document));
  // What was a dotenv file is given back line by line, with the quotes it had.
  return Buffer.from(from === "dotenv" ? dotenvLines(document) : dotenvQuoted(document));
}

function emitBinary([document]: Documents): Buffer {
  const data = document && lookup(document, "data");
  if (data?.kind === "bytes") return data.bytes;
  if (data?.kind === "str") return Buffer.from(data.text);
  throw new SopsError("unsupported", "It is no binary file of SOPS: it has no text under the key `data`.");
}

// JSON's strings are YAML's too, but for these, which YAML takes for line breaks or does not print.
const quoted = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

function yamlScalar(value: Scalar): string {
  switch (value.kind) {
    case "str":
      return quoted(value.text);
    case "bytes":
      return `!!binary ${value.bytes.toString("base64")}`;
    case "null":
      return "null";
    case "float":
      if (Number.isFinite(value.number))
        return /[.]/.test(formatFloat(value.number)) ? formatFloat(value.number) : `${formatFloat(value.number)}.0`;
      return Number.isNaN(value.number) ? ".nan" : value.number > 0 ? ".inf" : "-.inf";
    default:
      return textOf(value);
  }
}

function yamlMapping(mapping: Mapping, indent: string): string {
  const items = keyedItems(mapping);
  if (items.length === 0) return `${indent}{}\n`;
  return items.map(({ key, value }) => `${indent}${quoted(key)}:${yamlBelow(value, `${indent}  `)}`).join("");
}

function yamlBelow(node: Node, indent: string): string {
  if (node.kind === "comment") return "";
  if (node.kind === "map") return keyedItems(node).length === 0 ? " {}\n" : `\n${yamlMapping(node, indent)}`;
  if (node.kind !== "seq") return ` ${yamlScalar(node)}\n`;
  const items = node.items.filter(({ kind }) => kind !== "comment");
  if (items.length === 0) return " []\n";
  return `\n${items.map((item) => `${indent}-${yamlBelow(item, `${indent}  `)}`).join("")}`;
}

function json(node: Node, indent: string): string {
  const inner = `${indent}  `;
  const block = (open: string, parts: string[], close: string): string =>
    parts.length === 0 ? open + close : `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${indent}${close}`;
  switch (node.kind) {
    case "map":
      return block(
        "{",
        keyedItems(node).map(({ key, value }) => `${JSON.stringify(key)}: ${json(value, inner)}`),
        "}",
      );
    case "seq":
      return block(
        "[",
        node.items.filter(({ kind }) => kind !== "comment").map((item) => json(item, inner)),
        "]",
      );
    case "comment":
      return "";
    case "null":
      return "null";
    case "int":
      return node.text;
    case "bool":
      return String(node.value);
    case "float":
      if (!Number.isFinite(node.number))
        throw new SopsError(
          "unsupported",
          "It holds a number that JSON cannot hold (infinity or NaN); use `output-format: yaml`.",
        );
      return formatFloat(node.number);
    default:
      return JSON.stringify(textOf(node));
  }
}

/** A flat mapping; nested values have no place in these formats. */
function flat({ items }: Mapping, format: string): { key: string; value: string }[] {
  return items.flatMap(({ key, value }) => {
    if (key === null || value.kind === "comment") return [];
    if (value.kind === "map" || value.kind === "seq")
      throw new SopsError(
        "unsupported",
        `The value at ${key} is nested, which ${format} cannot hold; pick values with \`keys\`, or use yaml or json.`,
      );
    return [{ key, value: textOf(value) }];
  });
}

const dotenvLines = (document: Mapping): string =>
  flat(document, "dotenv")
    .map(({ key, value }) => `${key}=${value.replaceAll("\n", "\\n")}\n`)
    .join("");

/** Values in quotes where they need them, so that shells and the dotenv readers of most languages give back what went in. */
function dotenvQuoted(document: Mapping): string {
  return flat(document, "dotenv")
    .map(({ key, value }) => {
      if (!/^[A-Za-z_]\w*$/.test(key))
        throw new SopsError(
          "unsupported",
          `The key ${JSON.stringify(key)} is no name of a variable, as dotenv needs; rename it with \`keys\`.`,
        );
      if (/^[\w./:@%+,-]*$/.test(value)) return `${key}=${value}\n`;
      if (!/['\n\r]/.test(value)) return `${key}='${value}'\n`;
      const escaped = value
        .replace(/["\\$`]/g, "\\$&")
        .replaceAll("\n", "\\n")
        .replaceAll("\r", "\\r");
      return `${key}="${escaped}"\n`;
    })
    .join("");
}

/** As gopkg.in/ini.v1 writes it. */
function ini({ items }: Mapping): string {
  const sections = items.flatMap(({ key, value }) => {
    if (key === null || value.kind !== "map") return [];
    const lines = flat(value, "ini").map(({ key, value }) => `${iniKey(key)} = ${iniValue(value)}\n`);
    return key === "DEFAULT" && lines.length === 0 ? [] : [`[${key}]\n${lines.join("")}`];
  });
  return sections.join("\n");
}

const iniKey = (key: string): string =>
  /["=:]/.test(key) ? `\`${key}\`` : key.includes("`") ? `"""${key}"""` : key.startsWith("#") ? "-" : key;

function iniValue(value: string): string {
  if (/[\n`]/.test(value)) return `"""${value}"""`;
  if (/[#;]/.test(value)) return `\`${value}\``;
  return value.trim() === value ? value : `"${value}"`;
}
