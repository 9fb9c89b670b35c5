/** The `sops` part of a file: who can open it, which values are encrypted, the MAC. */
import { SopsError } from "./errors.ts";
import { unflatten } from "./flatten.ts";
import { normaliseTime, parseBool } from "./go-values.ts";
import type { Format } from "./stores.ts";
import { type Documents, lookup, type Mapping, type Node } from "./tree.ts";

/** The kinds of keys that SOPS knows, by their names in the metadata. */
export const keyKinds = ["age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "hckms"] as const;
export type KeyKind = (typeof keyKinds)[number];

/** One key that can open the data key, or a group's part of it. */
export interface MasterKey {
  kind: KeyKind;
  /** What names it in public: a recipient, a fingerprint, an ARN, a URL. */
  name: string;
  /** The data key, wrapped for it. */
  enc: string;
  /** Of AWS KMS: the role in which the key is asked, and what the data key is bound to. */
  role?: string;
  context?: Record<string, string>;
}

/** The rule that says which values are encrypted; at most one in a file. */
export const selectionRules = [
  "unencrypted_suffix",
  "encrypted_suffix",
  "unencrypted_regex",
  "encrypted_regex",
  "unencrypted_comment_regex",
  "encrypted_comment_regex",
] as const;
export type SelectionRule = (typeof selectionRules)[number];

/** One rule with its suffix or regular expression (Go RE2). */
export interface Selection {
  rule: SelectionRule;
  text: string;
}

export interface Metadata {
  /** RFC 3339. */
  lastModified: string;
  /** The MAC, encrypted; "" when there is none. */
  mac: string;
  version: string;
  selection: Selection;
  macOnlyEncrypted: boolean;
  /** Groups of keys; one key of a group opens that group. */
  groups: MasterKey[][];
  /** How many groups are needed, where there are several. */
  shamirThreshold: number;
}

const prefix = "sops_";

/**
 * Takes the metadata out of what a store read.
 * @returns undefined when there is none
 * @throws SopsError when it is not what SOPS writes
 */
export function extractMetadata(
  documents: Documents,
  format: Format,
): { metadata: Metadata; documents: Documents } | undefined {
  if (format === "dotenv") {
    const [{ items } = { items: [] }] = documents;
    const own = items.filter(({ key }) => key?.startsWith(prefix));
    if (own.length === 0) return undefined;
    const flat = own.map(({ key, value }) => ({ key: key!.slice(prefix.length), value }));
    return {
      metadata: readMetadata(unflatten(flat)),
      documents: [{ kind: "map", items: items.filter(({ key }) => !key?.startsWith(prefix)) }],
    };
  }
  const [first] = documents;
  const found = first?.items.filter(({ key }) => key === "sops") ?? [];
  if (found.length === 0) return undefined;
  if (found.length > 1) throw new SopsError("malformed", "Its SOPS metadata stands in it twice.");
  const value = found[0]!.value;
  if (value.kind !== "map") throw new SopsError("malformed", "Its key `sops` is not a mapping.");
  return {
    metadata: readMetadata(format === "ini" ? unflatten(unescaped(value)) : value),
    documents: documents.map(({ items }) => ({ kind: "map", items: items.filter(({ key }) => key !== "sops") })),
  };
}

/** In ini files the newlines of metadata are escaped once more; versions 3.13.0 and 3.13.1 did not escape them. */
const unescaped = ({ items }: Mapping): Mapping["items"] =>
  items.map(({ key, value }) => ({
    key,
    value: value.kind === "str" ? { kind: "str", text: value.text.replaceAll("\\n", "\n") } : value,
  }));

function readMetadata(node: Node): Metadata {
  if (node.kind !== "map") throw new SopsError("malformed", "Its SOPS metadata is not a mapping.");
  const written = text(lookup(node, "lastmodified"));
  const lastModified = normaliseTime(written);
  if (lastModified === undefined)
    throw new SopsError("malformed", "Its SOPS metadata has no `lastmodified` in the form of RFC 3339.");
  const rules = selectionRules
    .map((rule) => ({ rule, text: text(lookup(node, rule)) }))
    .filter((selection) => selection.text !== "");
  if (rules.length > 1)
    throw new SopsError(
      "malformed",
      `Its SOPS metadata has more than one rule for what is encrypted: ${rules.map(({ rule }) => rule).join(", ")}.`,
    );
  const [selection = { rule: "unencrypted_suffix", text: "_unencrypted" } as const] = rules;
  return {
    lastModified,
    mac: text(lookup(node, "mac")),
    version: text(lookup(node, "version")),
    selection,
    macOnlyEncrypted: boolean(lookup(node, "mac_only_encrypted")),
    ...readGroups(node),
  };
}

function readGroups(node: Mapping): Pick<Metadata, "groups" | "shamirThreshold"> {
  const flat = keysOf(node);
  const threshold = Number(text(lookup(node, "shamir_threshold")) || 0);
  if (!Number.isInteger(threshold) || threshold < 0 || threshold > 255)
    throw new SopsError("malformed", "Its SOPS metadata has a `shamir_threshold` that is no number from 0 to 255.");
  // Where both are there, SOPS reads the flat lists.
  if (flat.length > 0) return { groups: [flat], shamirThreshold: threshold };
  const groups = listOf(lookup(node, "key_groups")).map(keysOf);
  if (groups.length === 0) throw new SopsError("malformed", "Its SOPS metadata names no key.");
  if (groups.length > 255) throw new SopsError("too-large", "It has more than 255 key groups, which is refused.");
  checkCount(groups.flat());
  return { groups, shamirThreshold: threshold };
}

// Each costs an attempt to open it, before anything is authenticated.
const mostKeys = 1000;

function keysOf(group: Mapping): MasterKey[] {
  const keys = keyKinds.flatMap((kind) =>
    listOf(lookup(group, kind)).map((entry) => ({
      kind,
      name: nameOf(kind, (field) => text(lookup(entry, field))),
      enc: text(lookup(entry, "enc")),
      ...(kind === "kms" && { role: text(lookup(entry, "role")), context: contextOf(lookup(entry, "context")) }),
    })),
  );
  checkCount(keys);
  return keys;
}

function contextOf(node: Node | undefined): Record<string, string> {
  if (node?.kind !== "map") return {};
  return Object.fromEntries(node.items.flatMap(({ key, value }) => (key === null ? [] : [[key, text(value)]])));
}

function checkCount(keys: readonly MasterKey[]): void {
  if (keys.length > mostKeys)
    throw new SopsError("too-large", `It names more than ${mostKeys} keys, which is refused.`);
}

function nameOf(kind: KeyKind, field: (name: string) => string): string {
  switch (kind) {
    case "age":
      return field("recipient");
    case "pgp":
      return field("fp");
    case "kms":
      return field("arn");
    case "gcp_kms":
      return field("resource_id");
    case "azure_kv":
      return azureName(field("vault_url"), field("name"), field("version"));
    case "hc_vault":
      return [untrailed(field("vault_address")), "v1", field("engine_path"), "keys", field("key_name")].join("/");
    case "hckms":
      return field("key_id");
  }
}

/** An address without slashes at its end. Not by a regular expression, whose time grows with the square of a hostile one. */
function untrailed(address: string): string {
  let end = address.length;
  while (address[end - 1] === "/") end -= 1;
  return address.slice(0, end);
}

/** A key of Azure, as SOPS writes it on the command line: https://github.com/getsops/sops/blob/v3.13.2/azkv/keysource.go */
export const azureName = (vault: string, name: string, version: string): string =>
  [untrailed(vault), "keys", name, version].filter(Boolean).join("/");

function listOf(node: Node | undefined): Mapping[] {
  if (node === undefined || node.kind === "null") return [];
  // In ini and dotenv files an empty list is an empty text.
  if (node.kind === "str" && node.text === "") return [];
  // SOPS takes a mapping for a list of one.
  const items = node.kind === "seq" ? node.items : [node];
  return items
    .filter(({ kind }) => kind !== "comment")
    .map((item) => {
      if (item.kind !== "map")
        throw new SopsError("malformed", "Its SOPS metadata has a list of keys with an entry that is none.");
      return item;
    });
}

function text(node: Node | undefined): string {
  switch (node?.kind) {
    case undefined:
    case "null":
      return "";
    case "str":
    case "int":
    case "time":
      return node.text;
    case "float":
      return String(node.number);
    case "bool":
      return node.value ? "1" : "0";
    default:
      throw new SopsError("malformed", "Its SOPS metadata has a mapping or a list where a text belongs.");
  }
}

function boolean(node: Node | undefined): boolean {
  if (node?.kind === "bool") return node.value;
  const written = text(node);
  const value = written === "" ? false : parseBool(written);
  if (value === undefined)
    throw new SopsError("malformed", "Its SOPS metadata has a `mac_only_encrypted` that is neither true nor false.");
  return value;
}
