/**
 * What a plain YAML scalar means to SOPS, which reads YAML with go-yaml v3: 1.2 for words, 1.1 for numbers.
 * https://github.com/yaml/go-yaml/blob/v3.0.4/resolve.go
 */
import { SopsError } from "./errors.ts";
import { normaliseTime, parseFloat64, parseInt64 } from "./go-values.ts";
import { type Scalar, str } from "./tree.ts";

const words: Record<string, Scalar> = Object.assign(Object.create(null), {
  ...Object.fromEntries(["", "~", "null", "Null", "NULL"].map((word) => [word, { kind: "null" }])),
  ...Object.fromEntries(["true", "True", "TRUE"].map((word) => [word, { kind: "bool", value: true }])),
  ...Object.fromEntries(["false", "False", "FALSE"].map((word) => [word, { kind: "bool", value: false }])),
  ...Object.fromEntries([".nan", ".NaN", ".NAN"].map((word) => [word, { kind: "float", number: Number.NaN }])),
  ...Object.fromEntries(
    [".inf", ".Inf", ".INF"].flatMap((word) => [
      [word, { kind: "float", number: Number.POSITIVE_INFINITY }],
      [`+${word}`, { kind: "float", number: Number.POSITIVE_INFINITY }],
      [`-${word}`, { kind: "float", number: Number.NEGATIVE_INFINITY }],
    ]),
  ),
});

const floatPattern = /^[-+]?(\.\d+|\d+(\.\d*)?)(e[-+]?\d+)?$/i;
const datePattern =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?(Z|[+-]\d\d:\d\d))| (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?)?$/;

/** The value of a plain scalar that has no tag. */
export function resolvePlain(text: string): Scalar {
  const word = words[text];
  if (word !== undefined) return word;
  const first = text.charCodeAt(0);
  const [digitOrSign, point] = [(first >= 48 && first <= 57) || first === 43 || first === 45, first === 46];
  if (point) {
    const float = parseFloat64(text);
    return float === undefined ? str(text) : { kind: "float", number: float };
  }
  if (!digitOrSign) return str(text);
  const time = resolveTime(text);
  if (time !== undefined) return { kind: "time", text: time };
  return resolveNumber(text.replaceAll("_", "")) ?? str(text);
}

function resolveNumber(text: string): Scalar | undefined {
  const [, sign = "", prefix = "", digits = ""] = /^([+-]?)(0[xX]|0[oO]|0[bB]|0(?=\d)|)(.*)$/s.exec(text) ?? [];
  const base = prefix === "" ? 10 : /x/i.test(prefix) ? 16 : /b/i.test(prefix) ? 2 : 8;
  const integer = /^[+-]/.test(digits) ? undefined : parseInt64(sign + digits, base);
  if (integer !== undefined) return { kind: "int", text: integer };
  // From 2^63 to 2^64 go-yaml reads an unsigned integer, which SOPS itself refuses.
  if (sign !== "-" && sign !== "+" && /^[\da-f]+$/i.test(digits) && isUnsigned64(prefix, digits, base))
    throw new SopsError("unsupported", "It holds an integer above 9223372036854775807, which SOPS refuses.");
  if (!floatPattern.test(text)) return undefined;
  const float = parseFloat64(text);
  return float === undefined ? undefined : { kind: "float", number: float };
}

function isUnsigned64(prefix: string, digits: string, base: number): boolean {
  if (digits.length > 64 || ![...digits].every((digit) => Number.parseInt(digit, 16) < base)) return false;
  const start = { 2: "0b", 8: "0o", 10: "", 16: "0x" }[base] ?? prefix;
  const value = BigInt(start + digits);
  return value > 2n ** 63n - 1n && value < 2n ** 64n;
}

function resolveTime(text: string): string | undefined {
  const [, year, month, day, ...rest] = datePattern.exec(text) ?? [];
  if (year === undefined) return undefined;
  const two = (digits = "0"): string => digits.padStart(2, "0");
  const [hour, minute, second, fraction, zone = "Z"] = rest[0] !== undefined ? rest : rest.slice(5);
  return normaliseTime(
    `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}${fraction ? `.${fraction}` : ""}${zone}`,
  );
}

/** The value of a scalar that carries an explicit tag, such as `!!str 12`. */
export function resolveTagged(tag: string, text: string): Scalar {
  const name = tag.replace("tag:yaml.org,2002:", "");
  // SOPS writes the key `<<` with the tag of merges.
  if (name === "str" || name === "!" || (name === "merge" && text === "<<")) return str(text);
  if (name === "binary") return { kind: "bytes", bytes: Buffer.from(text.replace(/\s/g, ""), "base64") };
  const value = resolvePlain(text);
  if (name === "float" && value.kind === "int") return { kind: "float", number: Number(value.text) };
  const kinds: Record<string, Scalar["kind"]> = {
    int: "int",
    float: "float",
    bool: "bool",
    null: "null",
    timestamp: "time",
  };
  if (kinds[name] === value.kind) return value;
  throw new SopsError("unsupported", `It holds the YAML tag ${JSON.stringify(tag.slice(0, 60))}, which is not read.`);
}
