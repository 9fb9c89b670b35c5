/** Inputs for fuzzing: real ones, changed at random, the same for the same seed. */

/** What has broken parsers before. */
const tokens = [
  "",
  "\0",
  "\n",
  "\r\n",
  "\t",
  "﻿",
  "\u2028",
  "\u0085",
  "💥",
  "\ud800",
  "-1",
  "0",
  "1e309",
  "-0",
  "9007199254740993",
  "00",
  "0x10",
  "null",
  "true",
  "{}",
  "[]",
  '"',
  "'",
  "`",
  "\\",
  "\\u0000",
  "__proto__",
  "constructor",
  "%s",
  "%00",
  "../",
  "/",
  "<",
  ">",
  "<![CDATA[",
  "]]>",
  "&#0;",
  "&x;",
  "<!--",
  "<!DOCTYPE a [",
  ":",
  "- ",
  "? ",
  "&a",
  "*a",
  "!!js/function",
  "<<: ",
  "=",
  ";",
  "[x]",
  "ENC[AES256_GCM,data:,iv:,tag:,type:str]",
  "-----BEGIN",
  "sha256:",
  "AGE-SECRET-KEY-1",
].map((token) => Buffer.from(token));

const values: unknown[] = [
  null,
  true,
  -1,
  0,
  1e308,
  2 ** 53,
  "",
  "x",
  "__proto__",
  [],
  {},
  [[]],
  [null],
  { "": null },
  "a".repeat(5000),
];

/** Changes bytes: flips, cuts, doubles, inserts tokens, and joins with another input. */
function mutateBytes(input: Buffer, others: readonly Buffer[], random: () => number): Buffer {
  const below = (n: number) => Math.floor(random() * n);
  const at = below(input.length + 1);
  const length = below(Math.min(64, input.length - at) + 1);
  const [before, inside, after] = [input.subarray(0, at), input.subarray(at, at + length), input.subarray(at + length)];
  switch (below(7)) {
    case 0: {
      const changed = Buffer.from(input);
      if (changed.length > 0) changed[below(changed.length)] = below(256);
      return changed;
    }
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.concat([before, inside, inside, after]);
    case 3:
      return Buffer.concat([before, tokens[below(tokens.length)]!, input.subarray(at)]);
    case 4:
      return Buffer.concat([before, tokens[below(tokens.length)]!, after]);
    case 5:
      return before;
    default: {
      const other = others[below(others.length)]!;
      return Buffer.concat([before, other.subarray(below(other.length + 1))]);
    }
  }
}

/** Replaces, removes or moves one part of a JSON document. @returns undefined where the input is none */
function mutateJson(input: Buffer, random: () => number): Buffer | undefined {
  const below = (n: number) => Math.floor(random() * n);
  let document: unknown;
  try {
    document = JSON.parse(input.toString());
  } catch {
    return undefined;
  }
  const places: [Record<string, unknown>, string][] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      places.push([value as Record<string, unknown>, key]);
      visit(inner);
    }
  };
  visit(document);
  if (places.length === 0) return undefined;
  const [parent, key] = places[below(places.length)]!;
  switch (below(4)) {
    case 0:
      delete parent[key];
      break;
    case 1:
      parent[`${key}${below(3)}`] = parent[key];
      break;
    case 2: {
      const [from, name] = places[below(places.length)]!;
      parent[key] = structuredClone(from[name]);
      break;
    }
    default:
      parent[key] = values[below(values.length)];
  }
  return Buffer.from(JSON.stringify(document));
}

/** One to four changes of one of the seeds. */
export function mutate(seeds: readonly Buffer[], random: () => number): Buffer {
  let input = seeds[Math.floor(random() * seeds.length)]!;
  for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--)
    input = (random() < 0.5 ? mutateJson(input, random) : undefined) ?? mutateBytes(input, seeds, random);
  return input;
}
