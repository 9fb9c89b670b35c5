/** `nix path-info --json` of all generations: a list (before 2.19), an object by path, formats 2 and 3 with base names. */
import { readAnswer } from "./answer.ts";
import { NixError } from "./errors.ts";
import { hashBase32, parseHash } from "./hashes.ts";
import type { PathInfo } from "./shapes.ts";

/** One store object, as any generation writes it. */
interface Raw {
  path?: string;
  valid?: boolean;
  narHash?: string | { algorithm: string; hash: string };
  narSize?: number;
  references?: string[];
  deriver?: string | null;
  ca?: string | { method: string; hash: string | { algorithm: string; hash: string } } | null;
  signatures?: (string | { keyName: string; sig: string })[];
  ultimate?: boolean;
}

/** What a store knows of an object, and whether it was built there. */
export interface KnownPath extends PathInfo {
  /** Built by this store and not taken from another one. */
  ultimate: boolean;
}

/**
 * Reads the output of `nix path-info --json`.
 * @param storeDir such as `/nix/store`
 * @returns valid objects by path, sorted; those that the store lacks are left out
 */
export function parsePathInfo(json: string, storeDir: string): KnownPath[] {
  const absolute = (name: string): string => (name.startsWith("/") ? name : `${storeDir}/${name}`);
  const read = ([path, raw]: [string, Raw | null]): KnownPath[] => {
    if (raw === null || raw.valid === false) return [];
    const narHash = hashOf(raw.narHash);
    if (!narHash || typeof raw.narSize !== "number")
      throw new NixError(
        `nix path-info says of ${String(path).slice(0, 300)} nothing that is known here; is this Nix newer than this action?`,
      );
    return [
      {
        path: absolute(path),
        narHash,
        narSize: raw.narSize,
        references: (raw.references ?? []).map(absolute).sort(),
        deriver: raw.deriver ? absolute(raw.deriver) : null,
        ca: contentAddress(raw.ca),
        signatures: (raw.signatures ?? []).map((each) =>
          typeof each === "string" ? each : `${each.keyName}:${each.sig}`,
        ),
        ultimate: raw.ultimate === true,
      },
    ];
  };
  return readAnswer("nix path-info", json, (answer) =>
    entries(answer)
      .flatMap(read)
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
  );
}

function entries(answer: unknown): [string, Raw | null][] {
  const parsed = answer as Raw[] | Record<string, Raw | null> | { info: Record<string, Raw | null> };
  if (Array.isArray(parsed)) return parsed.map((raw) => [raw.path ?? "", raw]);
  if ("info" in parsed && "version" in parsed) return Object.entries(parsed.info as Record<string, Raw | null>);
  return Object.entries(parsed as Record<string, Raw | null>);
}

function hashOf(raw: string | { algorithm: string; hash: string } | undefined): string | undefined {
  if (raw === undefined) return undefined;
  return typeof raw === "string" ? parseHash(raw) : parseHash(raw.hash, raw.algorithm);
}

/** As Nix writes it in text form, with base 32. */
function contentAddress(ca: Raw["ca"]): string | null {
  if (ca === null || ca === undefined || typeof ca === "string") return ca ?? null;
  const hash = hashOf(ca.hash);
  if (!hash)
    throw new NixError(`nix path-info gives the content address ${JSON.stringify(ca)}, which is not known here.`);
  const method = { nar: "fixed:r:", flat: "fixed:", text: "text:", git: "fixed:git:" }[ca.method];
  return `${method ?? `fixed:${ca.method}:`}${hashBase32(hash)}`;
}
