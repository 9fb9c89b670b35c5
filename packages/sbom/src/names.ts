/** Names and versions of what is in a store. */
import { type Derivation, type NameAndVersion, parseName } from "@goatnote/nix-store";

/** The 32 letters that begin the base name of a store path. */
export const storeHash = (path: string): string => baseName(path).slice(0, 32);

/** A store path without directory and hash. */
export const storeName = (path: string): string => baseName(path).slice(33);

export const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

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
