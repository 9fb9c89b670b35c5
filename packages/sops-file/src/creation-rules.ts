/** `.sops.yaml`: which rule a file falls under, and what it asks for. https://github.com/getsops/sops#using-sops-yaml-conf-to-select-kms-pgp-and-age-for-new-files */
import { SopsError } from "./errors.ts";
import { parseBool } from "./go-values.ts";
import { azureName, type KeyKind, type Selection, selectionRules } from "./metadata.ts";
import { compile } from "./selection.ts";
import { lookup, type Mapping, type Node } from "./tree.ts";

/** One of the `creation_rules`. */
export interface CreationRule {
  /** Its number in the file, from 1. */
  number: number;
  /** null for a rule that is for all files. */
  pathRegex: string | null;
  /** Whether the rule is for a path, relative to the folder of `.sops.yaml`. */
  matches: (path: string) => boolean;
  /** Expressions of the rule that are none in Go's RE2. */
  invalid: string[];
  /** Names of keys by their kind, such as `age age1…`. */
  keys: Set<string>;
  groups: number;
  /** null where the rule says nothing. */
  shamirThreshold: number | null;
  selections: Selection[];
  macOnlyEncrypted: boolean;
}

/** Reads the rules in their order; the first that matches a path counts. @throws SopsError */
export async function readCreationRules(document: Mapping): Promise<CreationRule[]> {
  const rules = lookup(document, "creation_rules");
  if (rules === undefined || rules.kind === "null") return [];
  if (rules.kind !== "seq") throw new SopsError("malformed", "Its `creation_rules` are not a list.");
  const mappings = rules.items.filter((item) => item.kind !== "comment");
  return Promise.all(
    mappings.map((rule, i) => {
      if (rule.kind !== "map")
        throw new SopsError("malformed", `Rule ${i + 1} of its \`creation_rules\` is not a mapping.`);
      return readRule(rule, i + 1);
    }),
  );
}

async function readRule(rule: Mapping, number: number): Promise<CreationRule> {
  const pathRegex = text(lookup(rule, "path_regex")) || null;
  const selections = selectionRules
    .map((name) => ({ rule: name, text: text(lookup(rule, name)) }))
    .filter((selection) => selection.text !== "");
  const path = pathRegex === null ? undefined : await compile(pathRegex);
  const expressions = [
    ...(pathRegex === null ? [] : [pathRegex]),
    ...selections.filter(({ rule }) => rule.endsWith("regex")).map(({ text }) => text),
  ];
  const compiled = await Promise.all(expressions.map(compile));
  const groups = lookup(rule, "key_groups");
  const groupList = groups?.kind === "seq" ? groups.items.filter((item) => item.kind === "map") : [];
  const threshold = Number(text(lookup(rule, "shamir_threshold")));
  return {
    number,
    pathRegex,
    matches: (file) => (pathRegex === null ? true : (path?.test(file) ?? false)),
    invalid: expressions.filter((_, i) => compiled[i] === undefined),
    keys: new Set(groupList.length > 0 ? groupList.flatMap(keysOf) : keysOf(rule)),
    groups: Math.max(groupList.length, 1),
    shamirThreshold: threshold > 0 ? threshold : null,
    selections,
    macOnlyEncrypted: parseBool(text(lookup(rule, "mac_only_encrypted")) || "false") ?? false,
  };
}

/** In a rule keys are written in one text with commas, in a list, or in groups as mappings. */
const fields: [name: string, kind: KeyKind, field: string | ((part: (name: string) => string) => string)][] = [
  ["age", "age", ""],
  ["pgp", "pgp", "fp"],
  ["kms", "kms", "arn"],
  ["gcp_kms", "gcp_kms", "resource_id"],
  ["azure_keyvault", "azure_kv", (part) => azureName(part("vaultUrl"), part("key"), part("version"))],
  ["hc_vault_transit_uri", "hc_vault", ""],
  ["hc_vault", "hc_vault", ""],
];

function keysOf(rule: Mapping): string[] {
  return fields.flatMap(([name, kind, field]) => {
    const node = lookup(rule, name);
    const items = node?.kind === "seq" ? node.items : node === undefined ? [] : [node];
    return items.flatMap((item) => {
      if (item.kind !== "map")
        return text(item)
          .split(",")
          .map((key) => key.trim())
          .filter(Boolean)
          .map((key) => `${kind} ${key}`);
      const part = (of: string): string => text(lookup(item, of));
      const key = typeof field === "string" ? part(field) : field(part);
      return key === "" ? [] : [`${kind} ${key}`];
    });
  });
}

const text = (node: Node | undefined): string =>
  node === undefined ? "" : node.kind === "bool" ? String(node.value) : "text" in node ? node.text : "";
