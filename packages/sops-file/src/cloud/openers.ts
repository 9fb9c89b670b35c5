/** Data keys that a service opens. The encrypted file names the service, so nothing is sent before a list allowed it. */
import type { Openers, OpenKey } from "../data-key.ts";
import { SopsError } from "../errors.ts";
import type { MasterKey } from "../metadata.ts";
import { quoted } from "../shown.ts";
import { type CloudKind, parseAllowed, partsOf } from "./allow-list.ts";
import { awsSource, openAws } from "./aws.ts";
import { azureSource, openAzure } from "./azure.ts";
import { googleSource, openGoogle } from "./google.ts";
import { useProxy } from "./proxy.ts";
import type { Session } from "./session.ts";
import { openVault, vaultSource } from "./vault.ts";

/** What may be asked, and with what. */
export interface CloudOptions {
  /** Names of keys and AWS roles. Nothing else is asked. */
  allow: readonly string[];
  /** Where credentials are looked for. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Is told each credential before it is sent anywhere, so that it can be masked. */
  secret: (value: string) => void;
}

/** Keys of services that are allowed. */
export interface CloudKeys {
  openers: Openers;
  /** The credentials that the environment holds for them, in words that show none. */
  offered: string[];
}

const services: Record<
  CloudKind,
  {
    source: (environment: Session["environment"]) => string | undefined;
    open: (key: MasterKey, session: Session) => Promise<Uint8Array>;
    wants: string;
  }
> = {
  kms: {
    source: awsSource,
    open: openAws,
    wants: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_ROLE_ARN with the permission `id-token: write`",
  },
  gcp_kms: {
    source: googleSource,
    open: openGoogle,
    wants: "GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_OAUTH_ACCESS_TOKEN",
  },
  azure_kv: {
    source: azureSource,
    open: openAzure,
    wants:
      "AZURE_TENANT_ID and AZURE_CLIENT_ID with AZURE_CLIENT_SECRET or the permission `id-token: write`, or AZURE_ACCESS_TOKEN",
  },
  hc_vault: { source: vaultSource, open: openVault, wants: "VAULT_TOKEN" },
};
const kinds = Object.keys(services) as CloudKind[];

// Each may cost seconds, and whoever wrote the file says how many there are.
const mostRequests = 20;
// It may have to be copied into the list.
const longestName = 300;

/** @throws SopsError for an entry of the list that is none */
export function cloudKeys({ allow, environment, secret }: CloudOptions): CloudKeys {
  const allowed = allow.map(parseAllowed);
  const session: Session = {
    environment,
    secret: (value) => value !== "" && secret(value),
    allowedRole: (arn) => allowed.some(({ kind, matches }) => kind === "role" && matches(arn)),
    cache: new Map(),
  };
  let asked = 0;
  const opener = (kind: CloudKind): OpenKey => {
    const { source, open, wants } = services[kind];
    return async (key) => {
      const refuse = (why: string): SopsError =>
        new SopsError("no-key", `${quoted(key.name, longestName)} is not asked: ${why}.`);
      if (partsOf(kind, key.name) === undefined) throw refuse("it is no name of such a key");
      if (!allowed.some((each) => each.kind === kind && each.matches(key.name)))
        throw refuse("it is not among the keys that are allowed (`kms-allow`)");
      if (key.role && !session.allowedRole(key.role))
        throw refuse(
          `the file wants it asked as ${quoted(key.role, longestName)}, which is not among the roles that are allowed (\`kms-allow\`)`,
        );
      if (source(environment) === undefined)
        throw refuse(`the environment has no credentials for it, which are ${wants}`);
      if (++asked > mostRequests) throw refuse(`more than ${mostRequests} were asked already`);
      useProxy(environment);
      return open(key, session);
    };
  };
  return {
    openers: Object.fromEntries(kinds.map((kind) => [kind, opener(kind)])),
    offered: kinds
      .filter((kind) => allowed.some((each) => each.kind === kind))
      .flatMap((kind) => services[kind].source(environment) ?? []),
  };
}
