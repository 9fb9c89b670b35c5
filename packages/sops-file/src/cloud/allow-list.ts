/** Names of cloud keys. Files of strangers hold them, so they have one strict form each, and a list says which may be asked. */
import { SopsError } from "../errors.ts";
import type { KeyKind } from "../metadata.ts";

/** The kinds of keys that a service opens. */
export type CloudKind = Extract<KeyKind, "kms" | "gcp_kms" | "azure_kv" | "hc_vault">;

// No part can leave its place in the URL that is made of it: no `..`, `%`, `?`, `#`, `@`.
const forms: Record<CloudKind, RegExp> = {
  kms: /^arn:(?<partition>aws(?:-[a-z]+)*):kms:(?<region>[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}):\d{12}:(?:key|alias)\/[\w/-]+$/,
  gcp_kms:
    /^projects\/(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+:)?[a-z0-9-]+\/locations\/[a-z0-9-]+\/keyRings\/[\w-]+\/cryptoKeys\/[\w-]+$/,
  azure_kv: /^(?<vault>https:\/\/[a-z0-9-]+\.(?<cloud>[a-z.]+))\/keys\/[\w-]+(?:\/\w+)?$/,
  hc_vault:
    /^(?<address>https?:\/\/[a-z0-9.-]+(?::\d+)?)\/v1\/(?<engine>[\w-][\w.-]*(?:\/[\w-][\w.-]*)*)\/keys\/(?<key>[\w-][\w.-]*)$/,
};
const role = /^arn:aws(?:-[a-z]+)*:iam::\d{12}:role\/[\w+=,.@/-]+$/;

/** The parts of a key's name; undefined for a name that is not of the form of its kind. */
export const partsOf = (kind: CloudKind, name: string): Record<string, string> | undefined => {
  const match = forms[kind].exec(name);
  // A form does not count: the port of an address, or the numbers of one, may be too large.
  if (!match || (name.startsWith("http") && !URL.canParse(name))) return undefined;
  return match.groups ?? {};
};

/** One entry of the list. */
export interface Allowed {
  kind: CloudKind | "role";
  matches: (name: string) => boolean;
}

// What `*` for a region stands for, in each partition: https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json,
// with words for the middle part, as a name that no region has could be another's host.
const middle = "(?:central|(?:north|south)?(?:east|west)|north|south)";
const regions: Record<string, string> = {
  aws: `(?:us|eu|ap|sa|ca|me|af|il|mx)-${middle}-\\d`,
  "aws-cn": `cn-${middle}-\\d`,
  "aws-us-gov": `us-gov-${middle}-\\d`,
  "aws-eusc": `eusc-de-${middle}-\\d`,
};

// A project, an account, a host and a role are never left open.
const open = /^(?:projects\/[^/]*|https?:\/\/[^/]*|arn:[^:]*)\*/;

/**
 * Reads an entry of the list of keys that may be asked: the name of a key, in which `*` stands for any characters within
 * one part, and for a region; or the ARN of an AWS role.
 * @throws SopsError for anything else
 */
export function parseAllowed(entry: string): Allowed {
  if (role.test(entry)) return { kind: "role", matches: (name) => name === entry };
  const [start = "", partition = ""] = /^arn:([a-z-]+):kms:\*:/.exec(entry) ?? [];
  const rest = entry.slice(start.length);
  const filled = start.replace("*", "eu-west-1") + rest.replaceAll("*", "x");
  const kind = (Object.keys(forms) as CloudKind[]).find((each) => partsOf(each, filled) !== undefined);
  if (kind === undefined || open.test(entry))
    throw new SopsError(
      "malformed",
      `The list of keys that may be asked (\`kms-allow\`) holds ${JSON.stringify(entry)}, which is no name of a key (\`arn:aws:kms:…:key/…\`, \`projects/…/cryptoKeys/…\`, \`https://….vault.azure.net/keys/…\`, \`https://…/v1/transit/keys/…\`) and no role; \`*\` is for the last part or a region.`,
    );
  const literal = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  const region = Object.hasOwn(regions, partition) ? regions[partition] : "(?!)";
  const pattern = start.replace("*", `(?:${region})`) + literal(rest).replaceAll("*", "[^/:]*");
  // A key of Azure without its version stands for all of them.
  const expression = new RegExp(`^${pattern}${kind === "azure_kv" ? "(?:/\\w+)?" : ""}$`);
  return { kind, matches: (name) => expression.test(name) };
}
