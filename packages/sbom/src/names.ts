/** Names and versions of what is in a store. */
import type { Derivation } from "@goatnote/nix-store";

export interface NameAndVersion {
  name: string;
  /** Null where the name holds none. */
  version: string | null;
}

/** The 32 letters that begin the base name of a store path. */
export const storeHash = (path: string): string => baseName(path).slice(0, 32);

/** A store path without directory and hash. */
export const storeName = (path: string): string => baseName(path).slice(33);

export const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/**
 * As Nix's `builtins.parseDrvName`: the version begins after the first dash that no letter follows.
 * https://nix.dev/manual/nix/latest/language/builtins#builtins-parseDrvName
 */
export function parseName(text: string): NameAndVersion {
  const at = text.search(/-[^A-Za-z]/);
  return at <= 0 ? { name: text, version: null } : { name: text.slice(0, at), version: text.slice(at + 1) };
}

/** What a derivation builds: by `pname` and `version`, as nixpkgs writes them, else by its name. */
export function nameOfDerivation({ name, env, structuredAttrs }: Derivation): NameAndVersion {
  const attribute = (key: string): string => {
    const value = structuredAttrs?.[key] ?? env[key];
    return typeof value === "string" ? value : "";
  };
  const [pname, version] = [attribute("pname"), attribute("version")];
  if (pname !== "") return { name: pname, version: version || parseName(name).version };
  if (version !== "" && name.endsWith(`-${version}`)) return { name: name.slice(0, -version.length - 1), version };
  return parseName(name);
}

// Outputs that nixpkgs gives to packages: https://nixos.org/manual/nixpkgs/stable/#sec-multiple-outputs-file-type-groups
const usualOutputs = /-(bin|debug|dev|devdoc|doc|info|lib|man|out|static)$/;

/**
 * A store path of which no derivation is known. An output's name is part of it (`gcc-13.3.0-lib`), after a version only:
 * `perl-lib` may be a name.
 */
export function nameOfPath(path: string): NameAndVersion & { output: string | null } {
  const { name, version } = parseName(storeName(path));
  const output = version?.match(usualOutputs)?.[1] ?? null;
  return { name, version: output && version ? version.slice(0, -output.length - 1) : version, output };
}

/** `hello-2.12.tar.gz` names version 2.12. */
export const withoutArchiveEnding = (text: string): string =>
  text.replace(
    /(\.orig)?(\.tar)?\.(gz|bz2|xz|zst|lz|lzma|tgz|tbz2?|txz|zip|whl|crate|gem|jar|nupkg|tar|patch|diff)$/i,
    "",
  );
