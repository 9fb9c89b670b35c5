/** The keys that a job offers: from inputs alone, and for the keys of services in `kms-allow` from the environment. */
import { randomBytes } from "node:crypto";
import { readFile, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { registerSecrets, UserError, type Values, type WorkflowContext } from "@goatnote/action-io";
import {
  ageOpener,
  importPgpKey,
  type KeyKind,
  type Openers,
  openCloudKeys,
  type PgpKey,
  parseIdentities,
  SopsError,
} from "@goatnote/sops-file";
import type { sourceInputs } from "./inputs.ts";
import { gpgHome, noteTraces } from "./state.ts";

type Inputs = Values<typeof sourceInputs>;

/** What was offered. Nothing of it is opened yet. */
export interface GivenKeys {
  age: string;
  pgp: string;
}

/** What opens data keys, until it is closed. */
export interface KeyRing {
  openers: Openers;
  /** What may be said of the keys in public. */
  offered: string[];
  close: () => Promise<void>;
}

/** The texts of the keys, masked. */
export async function readKeys(inputs: Inputs, workspace: string): Promise<GivenKeys> {
  const fromFile = inputs["age-key-file"] === "" ? "" : await keyFile(resolve(workspace, inputs["age-key-file"]));
  const age = [inputs["age-key"], fromFile].filter((part) => part.trim() !== "").join("\n");
  const pgp = inputs["pgp-key"].trim();
  for (const text of [age, pgp]) registerKey(text);
  return { age, pgp };
}

/** Makes the keys ready. @returns null when there is none @throws UserError for a key that is none */
export async function openKeys({ age, pgp }: GivenKeys, inputs: Inputs, temp: string): Promise<KeyRing | null> {
  const cloud =
    inputs["kms-allow"].length > 0
      ? await openCloudKeys({ allow: inputs["kms-allow"], environment: process.env, secret: registerCredential })
      : { openers: notAllowed, offered: [] };
  if (age === "" && pgp === "" && cloud.offered.length === 0) return null;
  const identities = age === "" ? [] : await parseIdentities(age, inputs["age-key-passphrase"], registerKey);
  const imported = pgp === "" ? undefined : await importInto(pgp, inputs["pgp-passphrase"], temp);
  return {
    openers: { ...cloud.openers, age: ageOpener(identities), pgp: imported?.open },
    offered: [...identities.map(({ recipient }) => recipient), ...(imported?.offered ?? []), ...cloud.offered],
    close: async () => imported?.close(),
  };
}

const notAllowed = Object.fromEntries(
  (["kms", "gcp_kms", "azure_kv", "hc_vault"] satisfies KeyKind[]).map((kind) => [
    kind,
    async () => {
      throw new SopsError("no-key", "Keys of services are asked only when `kms-allow` lists them.");
    },
  ]),
);

async function importInto(key: string, passphrase: string, temp: string): Promise<PgpKey> {
  // Short, as a socket in it has a name of at most 107 characters.
  const home = join(await realpath(temp), `${gpgHome}${randomBytes(4).toString("hex")}`);
  noteTraces({ files: [home], variables: [] });
  return importPgpKey({ key, passphrase, home });
}

/** Why there may be no key, for whoever runs the workflow. */
export function whyNoKey({ trust, actor }: WorkflowContext): string {
  if (trust === "fork") return "Runs for pull requests from forks get no secrets from GitHub.";
  if (actor === "dependabot[bot]") return "Runs for Dependabot get only the secrets that are set for Dependabot.";
  return "Is the secret set for this repository, and named rightly in the workflow?";
}

const linesOf = (text: string): string[] =>
  text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter(Boolean);

/** Masks keys. Their comments stay readable, as one may be the public half; but a key that is commented out is one. */
function registerKey(text: string): void {
  const lines = linesOf(text);
  const secret = lines.length === 1 ? lines : lines.filter((line) => line.length >= 8 && !/^(#|-----)/.test(line));
  registerSecrets([...secret, ...(text.match(/\bAGE-[A-Z\d-]{8,}/gi) ?? [])]);
}

// Of JSON, brackets and the like stay readable.
const shortestLine = 4;

/** Masks a credential. Nothing in it is a comment. */
function registerCredential(text: string): void {
  const lines = linesOf(text);
  registerSecrets(
    lines.length === 1
      ? [text, ...lines]
      : lines.filter((line) => line.length >= shortestLine && !line.startsWith("-----")),
  );
}

async function keyFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return "";
    throw new UserError(`Input \`age-key-file\` cannot be read (${code}).`);
  }
}
