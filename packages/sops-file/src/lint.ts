/** What can be said of a file without any key. */
import type { CreationRule } from "./creation-rules.ts";
import { SopsError } from "./errors.ts";
import { type Finding, type Level, type LintRule, lintRules } from "./lint-rules.ts";
import { extractMetadata, type Metadata } from "./metadata.ts";
import { selectorOf } from "./selection.ts";
import { quoted, shown } from "./shown.ts";
import { type Format, formatOf, readDocuments } from "./stores.ts";
import { type Documents, type Node, showPath } from "./tree.ts";
import { encryptedPrefix, looksEncrypted } from "./value.ts";
import { walk } from "./walk.ts";

/** A file as lint sees it. */
export interface LintedFile {
  /** Relative to the folder of the configuration, with forward slashes. */
  path: string;
  content: Uint8Array;
}

/** Whether a file is worth a closer look: it holds what every encrypted file holds. */
export const mayBeEncrypted = (content: Uint8Array): boolean => {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return bytes.includes("sops") && (bytes.includes(encryptedPrefix) || bytes.includes("lastmodified"));
};

/**
 * All findings on one file.
 * @param rules the creation rules; null where there is no configuration
 */
export async function lintFile(file: LintedFile, rules: readonly CreationRule[] | null): Promise<Finding[]> {
  const rule = rules?.find(({ matches }) => matches(file.path));
  const encrypted = mayBeEncrypted(file.content);
  // A rule for all files says of none that it must be encrypted.
  if (!encrypted && (rule === undefined || rule.pathRegex === null)) return [];
  const found = new Findings(file);
  const format = formatOf(file.path);
  const actual = encrypted ? otherFormat(file.content, format) : undefined;
  if (actual)
    found.add(
      "S7",
      `By its name SOPS takes it for ${format}, and it is ${actual}; rename it, or give \`--input-type ${actual}\` and here \`format\`.`,
    );
  let read: ReturnType<typeof extractMetadata>;
  try {
    read = extractMetadata(await readDocuments(file.content, actual ?? format), actual ?? format);
  } catch (error) {
    if (!(error instanceof SopsError)) throw error;
    if (format === "binary" && !encrypted) found.notEncrypted(rule!);
    else found.add("S9", error.message, Number(/line (\d+)/.exec(error.message)?.[1] ?? 1));
    return found.all;
  }
  if (read === undefined) {
    if (rule !== undefined && rule.pathRegex !== null) found.notEncrypted(rule);
    return found.all;
  }
  await lintEncrypted(found, read.metadata, read.documents);
  if (rules !== null) compareWithRule(found, read.metadata, rule);
  return found.all;
}

class Findings {
  readonly all: Finding[] = [];
  private readonly file: LintedFile;
  constructor(file: LintedFile) {
    this.file = file;
  }
  add(rule: LintRule, message: string, line = 1, level: Level = lintRules[rule].level): void {
    this.all.push({ rule, level, path: this.file.path, line, message });
  }
  notEncrypted(rule: CreationRule): void {
    this.add(
      "S1",
      `Creation rule ${rule.number} names it, and it is not encrypted: what it holds stands in the repository. Encrypt it (\`sops encrypt --in-place\`) and change its secrets.`,
    );
  }
  /** The first line that has a key, as far as it can be told without the positions that only a parser knows. */
  lineOf(key: string | undefined): number {
    if (key === undefined) return 1;
    const lines = Buffer.from(this.file.content).toString("utf8").split("\n");
    const inQuotes = JSON.stringify(key);
    const at = lines.findIndex((line) => {
      const content = line.replace(/^[\s-]*/, "");
      return content.startsWith(key) ? /^\s*[:=]/.test(content.slice(key.length)) : content.includes(`${inQuotes}:`);
    });
    return at + 1 || 1;
  }
}

/** The format that the content shows, where the name says another. */
function otherFormat(content: Uint8Array, byName: Format): Format | undefined {
  const text = Buffer.from(content).toString("utf8");
  const actual: Format | undefined = /^\s*\{/.test(text)
    ? byName === "binary" || byName === "json"
      ? byName
      : "json"
    : /^sops_(mac|version|lastmodified)=/m.test(text)
      ? "dotenv"
      : /^\[sops\]/m.test(text)
        ? "ini"
        : /^"?sops"?:\s*$/m.test(text)
          ? "yaml"
          : undefined;
  return actual === byName ? undefined : actual;
}

async function lintEncrypted(found: Findings, metadata: Metadata, documents: Documents): Promise<void> {
  const missing = [...(metadata.mac === "" ? ["MAC"] : []), ...(metadata.version === "" ? ["version"] : [])];
  if (missing.length > 0)
    found.add(
      "S1",
      `Its SOPS metadata has no ${missing.join(" and no ")}, so it cannot be verified.`,
      found.lineOf("sops"),
    );
  const selector = await selectorOf(metadata.selection);
  if (selector.invalid)
    found.add(
      "S5",
      `Its ${metadata.selection.rule} is no regular expression of Go's RE2, so SOPS encrypted nothing by it: its values stand in the repository. Mend it in .sops.yaml, encrypt anew, and change these secrets.`,
      found.lineOf(metadata.selection.rule),
    );
  const plain: string[] = [];
  let [firstKey, comments] = [undefined as string | undefined, 0];
  walk(documents, selector, (leaf, path, encrypted): Node => {
    const asText = leaf.kind === "str" ? leaf.text : undefined;
    if (asText?.startsWith("ENC[") && asText.endsWith("type:comment]")) comments++;
    const harmless = leaf.kind === "null" || leaf.kind === "comment" || asText === "";
    if (encrypted && !harmless && !(asText !== undefined && looksEncrypted(asText))) {
      if (plain.length === 0) firstKey = path.at(-1);
      plain.push(showPath(path));
    }
    return leaf;
  });
  if (plain.length > 0) {
    const list = `${plain.slice(0, 10).join(", ")}${plain.length > 10 ? ` and ${plain.length - 10} more` : ""}`;
    found.add(
      "S2",
      `By its ${metadata.selection.rule} these values should be encrypted, and are plain: ${list}. Change them, and edit the file with SOPS.`,
      found.lineOf(firstKey),
    );
  }
  if (comments > 0)
    found.add(
      "S12",
      `It has ${comments} encrypted ${comments === 1 ? "comment" : "comments"} in a list, which SOPS 3.13.2 answers with a MAC mismatch (3.13.1 reads it, and so does sops-decrypt). Move the comment out of the list.`,
    );
  if (metadata.macOnlyEncrypted)
    found.add(
      "S10",
      "Its MAC covers encrypted values only, so plain values can be changed unnoticed.",
      found.lineOf("mac_only_encrypted"),
    );
  lintThreshold(found, metadata);
}

function lintThreshold(found: Findings, { groups, shamirThreshold }: Metadata): void {
  const line = found.lineOf("shamir_threshold");
  if (groups.length > 1 && shamirThreshold > groups.length)
    found.add(
      "S13",
      `Its data key needs ${shamirThreshold} key groups, and it has ${groups.length}: nobody can open it.`,
      line,
    );
  if (groups.length > 1 && shamirThreshold === 1)
    found.add(
      "S13",
      `Its data key is shared among ${groups.length} key groups, and one of them is enough.`,
      line,
      "warning",
    );
}

function compareWithRule(found: Findings, metadata: Metadata, rule: CreationRule | undefined): void {
  if (rule === undefined) {
    found.add("S6", "No creation rule of .sops.yaml is for this path, so nothing says who should be able to open it.");
    return;
  }
  const own = new Set(metadata.groups.flat().map(({ kind, name }) => `${kind} ${name}`));
  const [extra, missing] = [
    [...own].filter((key) => !rule.keys.has(key)),
    [...rule.keys].filter((key) => !own.has(key)),
  ];
  const list = (keys: string[]): string =>
    keys
      .slice(0, 5)
      .map((key) => shown(key))
      .join(", ") + (keys.length > 5 ? ` and ${keys.length - 5} more` : "");
  if (extra.length > 0)
    found.add(
      "S3",
      `Creation rule ${rule.number} does not name these keys, and they open it: ${list(extra)}. Run \`sops updatekeys\`, and \`sops rotate\` if someone was removed.`,
      found.lineOf("sops"),
    );
  if (missing.length > 0)
    found.add(
      "S3",
      `Creation rule ${rule.number} names these keys, and they do not open it: ${list(missing)}. Run \`sops updatekeys\`.`,
      found.lineOf("sops"),
      "warning",
    );
  const [wanted = { rule: "unencrypted_suffix", text: "_unencrypted" }] = rule.selections;
  const { selection, macOnlyEncrypted } = metadata;
  if (selection.rule !== wanted.rule || selection.text !== wanted.text)
    found.add(
      "S4",
      `It encrypts by ${selection.rule} ${quoted(selection.text)}, and creation rule ${rule.number} says ${wanted.rule} ${quoted(wanted.text)}. Decrypt it and encrypt it anew.`,
      found.lineOf(selection.rule),
    );
  if (macOnlyEncrypted !== rule.macOnlyEncrypted)
    found.add(
      "S4",
      `mac_only_encrypted is ${macOnlyEncrypted} in it, and ${rule.macOnlyEncrypted} in creation rule ${rule.number}.`,
      found.lineOf("mac_only_encrypted"),
    );
}

/** Findings on the rules themselves. @param path of the configuration */
export const lintRulesOf = (rules: readonly CreationRule[], path: string): Finding[] =>
  rules.flatMap(({ number, invalid, groups, shamirThreshold }) => [
    ...invalid.map(
      (expression): Finding => ({
        rule: "S5",
        level: "error",
        path,
        line: 1,
        message: `Creation rule ${number} has an expression that is none in Go's RE2: ${quoted(expression)}. SOPS ignores that and encrypts nothing by it.`,
      }),
    ),
    ...(shamirThreshold !== null && shamirThreshold > groups
      ? [
          {
            rule: "S13" as const,
            level: "error" as const,
            path,
            line: 1,
            message: `Creation rule ${number} has a Shamir threshold of ${shamirThreshold} for ${groups} key groups.`,
          },
        ]
      : []),
  ]);

const marker = /[._-](enc|encrypted|sops)(?=\.|$)/i;

/** Encrypted files whose plain form lies beside them, such as `a.yaml` beside `a.enc.yaml`. @param encrypted paths with their metadata seen @param all every path */
export function lintSiblings(encrypted: readonly string[], all: ReadonlySet<string>): Finding[] {
  const known = new Set(encrypted);
  return encrypted.flatMap((path): Finding[] => {
    const slash = path.lastIndexOf("/") + 1;
    const plain = path.slice(0, slash) + path.slice(slash).replace(marker, "");
    if (plain === path || !all.has(plain) || known.has(plain)) return [];
    return [
      {
        rule: "S11",
        level: "error",
        path: plain,
        line: 1,
        message: `It looks like the plain form of ${shown(path)}, committed beside it. Remove it from the repository and its history, and change its secrets.`,
      },
    ];
  });
}
