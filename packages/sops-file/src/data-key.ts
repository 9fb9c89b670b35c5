/** The data key of a file, opened by the keys that were offered. */
import { SopsError, type SopsProblem } from "./errors.ts";
import type { OfferedKey } from "./identities.ts";
import { type KeyKind, keyKinds, type MasterKey, type Metadata } from "./metadata.ts";
import { combineShares } from "./shamir.ts";
import { shown } from "./shown.ts";

/** Opens one wrapped key; undefined when it is for none that was offered. A SopsError of the problem `no-key` says why it cannot. */
export type OpenKey = (key: MasterKey) => Promise<Uint8Array | undefined>;

/** For each kind of key that can be opened here, how. */
export type Openers = Partial<Record<KeyKind, OpenKey>>;

/** Opens what is wrapped for age recipients. Every identity is tried, as the recipient that is named may be wrong. */
export function ageOpener(offered: readonly OfferedKey[]): OpenKey {
  return async ({ enc }) => {
    for (const { open } of offered) {
      const key = await open(enc);
      if (key !== undefined) return key;
    }
    return undefined;
  };
}

/**
 * The data key of a file: opened by one key of its only group, or put together from one part of as many groups as the
 * file asks for.
 * @param offered the public halves of what was offered, for the message
 * @throws SopsError that says which keys the file wants and which were offered
 */
export async function openDataKey(
  { groups, shamirThreshold }: Pick<Metadata, "groups" | "shamirThreshold">,
  openers: Openers,
  offered: readonly string[],
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  // SOPS takes a threshold of 0 for one of all groups.
  const needed = groups.length === 1 ? 1 : shamirThreshold || groups.length;
  const reasons: string[] = [];
  for (const group of groups) {
    if (parts.length >= Math.max(needed, 2)) break; // one more would be a request for nothing
    const part = await openGroup(group, openers, reasons);
    if (part !== undefined) parts.push(part);
  }
  if (parts.length < needed) throw new SopsError("no-key", explain(groups, needed, parts.length, offered, reasons));
  return groups.length === 1 ? parts[0]! : combineShares(parts);
}

// Why one key does not open it; another may.
const passed = new Set<SopsProblem>(["no-key", "unsupported"]);

async function openGroup(
  group: readonly MasterKey[],
  openers: Openers,
  reasons: string[],
): Promise<Uint8Array | undefined> {
  // In the order of the kinds, which has age first and what asks the network last.
  for (const kind of keyKinds) {
    for (const key of group.filter((each) => each.kind === kind)) {
      try {
        const part = await openers[kind]?.(key);
        if (part !== undefined) return part;
      } catch (error) {
        if (!(error instanceof SopsError) || !passed.has(error.problem)) throw error;
        reasons.push(error.message);
      }
    }
  }
  return undefined;
}

const kindNames: Record<KeyKind, string> = {
  age: "age",
  pgp: "PGP",
  kms: "AWS KMS",
  gcp_kms: "GCP KMS",
  azure_kv: "Azure Key Vault",
  hc_vault: "HashiCorp Vault",
  hckms: "Huawei Cloud KMS",
};
const shownKeys = 10;
const shownReasons = 3;

function list(names: readonly string[]): string {
  const short = names.map((name) => shown(name));
  const more = short.length > shownKeys ? ` and ${short.length - shownKeys} more` : "";
  return short.slice(0, shownKeys).join(", ") + more;
}

function explain(
  groups: MasterKey[][],
  needed: number,
  opened: number,
  offered: readonly string[],
  reasons: readonly string[],
): string {
  const wanted = list([...new Set(groups.flat().map(({ kind, name }) => `${kindNames[kind]} ${name}`))]);
  const has = offered.length === 0 ? "no key was offered" : `offered was ${list(offered)}`;
  const why = [...new Set(reasons)]
    .slice(0, shownReasons)
    .map((reason) => ` ${reason}`)
    .join("");
  if (groups.length > 1)
    return `Its data key is shared among ${groups.length} key groups, of which ${needed} are needed, and ${opened} could be opened. The groups name ${wanted}; ${has}.${why}`;
  return `No key that was offered opens it. It is encrypted for ${wanted}; ${has}.${why}`;
}
