/** Fixed outputs: what was downloaded, from where, and with which hash. */
import type { Derivation, DerivationOutput } from "@goatnote/nix-store";
import { purlOfUrl } from "./source-url.ts";

export interface Hash {
  algorithm: "md5" | "sha1" | "sha256" | "sha512";
  hex: string;
}

/** The content of a fixed-output derivation. */
export interface Download {
  /** As http, https, git and the like; a mirror is replaced by its project's own site where that is known. */
  urls: string[];
  /** The commit, for what came by git. */
  revision: string | null;
  /** Null for an algorithm that SBOMs do not know. */
  hash: Hash | null;
  /** Whether the hash is of the downloaded file itself, and not of a NAR of what was unpacked from it. */
  hashIsOfFile: boolean;
  /** The package URL of the registry or forge it came from. */
  purl: string | null;
}

const algorithms = new Set<string>(["md5", "sha1", "sha256", "sha512"]);

/** `sha256-<base64>` in hex. */
export function readHash(text: string): Hash | null {
  const [, algorithm = "", base64 = ""] = /^([a-z0-9]+)-([A-Za-z0-9+/]+=*)$/.exec(text) ?? [];
  if (!algorithms.has(algorithm)) return null;
  return { algorithm: algorithm as Hash["algorithm"], hex: Buffer.from(base64, "base64").toString("hex") };
}

/** The one fixed output of a derivation, or undefined. */
export const fixedOutput = ({ outputs }: Derivation): DerivationOutput | undefined =>
  Object.values(outputs).find(({ hash }) => hash !== null);

/** @returns undefined for a derivation whose output is not fixed */
export function downloadOf(derivation: Derivation): Download | undefined {
  const output = fixedOutput(derivation);
  if (!output) return undefined;
  const words = ["urls", "url"].flatMap((key) => listAttribute(derivation, key));
  const urls = [...new Set(words.map(resolveMirror).filter((url) => /^[a-z][a-z0-9+.-]*:/i.test(url)))];
  const revision = listAttribute(derivation, "rev")[0] ?? null;
  return {
    urls,
    revision: revision && /^[0-9a-f]{40,64}$/.test(revision) ? revision : null,
    hash: readHash(output.hash!),
    hashIsOfFile: output.method === "flat",
    purl: urls.map((url) => purlOfUrl(url, revision)).find((purl) => purl !== null) ?? null,
  };
}

/** An attribute that is a list of words, whichever way the derivation passes its attributes. */
export function listAttribute({ env, structuredAttrs }: Derivation, key: string): string[] {
  const value = structuredAttrs?.[key] ?? env[key];
  if (Array.isArray(value)) return value.filter((each) => typeof each === "string");
  return typeof value === "string" ? value.split(/\s+/).filter(Boolean) : [];
}

// The projects' own sites, which nixpkgs writes as mirror://<name>/.
const mirrors: Record<string, string> = {
  apache: "https://archive.apache.org/dist/",
  cpan: "https://cpan.metacpan.org/",
  debian: "https://deb.debian.org/debian/",
  gnome: "https://download.gnome.org/",
  gnu: "https://ftp.gnu.org/gnu/",
  kernel: "https://www.kernel.org/pub/",
  maven: "https://repo1.maven.org/maven2/",
  pypi: "https://files.pythonhosted.org/packages/source/",
  savannah: "https://download.savannah.nongnu.org/releases/",
  sourceforge: "https://downloads.sourceforge.net/",
};

function resolveMirror(url: string): string {
  const [, name = "", rest = ""] = /^mirror:\/\/([^/]+)\/(.*)$/.exec(url) ?? [];
  return mirrors[name] === undefined ? url : mirrors[name] + rest;
}
