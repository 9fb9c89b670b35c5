/** `nix derivation show` of all generations: with absolute paths, with base names, wrapped in `derivations` (version 4). */
import { readAnswer } from "./answer.ts";
import { parseHash } from "./hashes.ts";
import type { Derivation, DerivationOutput } from "./shapes.ts";

interface RawOutput {
  path?: string | null;
  hash?: string;
  hashAlgo?: string;
  method?: string;
  impure?: boolean;
}
type Used = string[] | { outputs: string[]; dynamicOutputs?: unknown };
interface Raw {
  name?: string;
  system: string;
  builder: string;
  args: string[];
  env: Record<string, string>;
  structuredAttrs?: Record<string, unknown> | null;
  outputs: Record<string, RawOutput>;
  inputSrcs?: string[];
  inputDrvs?: Record<string, Used>;
  inputs?: { srcs: string[]; drvs: Record<string, Used> };
}

/**
 * Reads the output of `nix derivation show`, or `nix show-derivation` of old.
 * @param storeDir such as `/nix/store`
 * @returns derivations sorted by path
 * @throws NixError when it has another form
 */
export function parseDerivations(json: string, storeDir: string): Derivation[] {
  return readAnswer("nix derivation show", json, (answer) => {
    const parsed = answer as Record<string, Raw> | { version: number; derivations: Record<string, Raw> };
    const all = (typeof parsed.version === "number" ? parsed.derivations : parsed) as Record<string, Raw>;
    return Object.entries(all)
      .map(([path, raw]) => derivation(path, raw, storeDir))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  });
}

function derivation(path: string, raw: Raw, storeDir: string): Derivation {
  const absolute = (name: string): string => (name.startsWith("/") ? name : `${storeDir}/${name}`);
  const { srcs, drvs } = raw.inputs ?? { srcs: raw.inputSrcs ?? [], drvs: raw.inputDrvs ?? {} };
  const { __json: packed, ...env } = raw.env;
  const structured = raw.structuredAttrs ?? (packed === undefined ? null : JSON.parse(packed));
  return {
    path: absolute(path),
    name: raw.name ?? raw.env.name ?? path.replace(/^.*\/?[0-9a-z]{32}-/, "").replace(/\.drv$/, ""),
    system: raw.system,
    builder: raw.builder,
    args: raw.args,
    env: structured ? env : raw.env,
    structuredAttrs: structured,
    outputs: Object.fromEntries(
      Object.entries(raw.outputs).map(([name, out]) => [name, output(out, absolute, raw.env[name])]),
    ),
    inputSources: srcs.map(absolute).sort(),
    inputDerivations: Object.fromEntries(
      Object.entries(drvs)
        .map(([drv, used]): [string, string[]] => [
          absolute(drv),
          [...(Array.isArray(used) ? used : used.outputs)].sort(),
        ])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
  };
}

/** @param told the path in the environment; newer generations tell that of a fixed output there only */
function output(raw: RawOutput, absolute: (name: string) => string, told: string | undefined): DerivationOutput {
  const hash = raw.hash === undefined ? null : (parseHash(raw.hash, raw.hashAlgo) ?? raw.hash);
  const oldMethod = raw.hashAlgo?.startsWith("r:") ? "nar" : raw.hashAlgo?.startsWith("text:") ? "text" : "flat";
  const method = raw.method ?? (raw.hashAlgo === undefined ? null : oldMethod);
  const path = raw.path || (hash === null ? undefined : told);
  return {
    path: path ? absolute(path) : null,
    hash,
    method: method === "recursive" ? "nar" : method,
    ...(raw.impure === true && { impure: true }),
  };
}

/** Why a derivation may see more than its inputs: it asks for no sandbox, or for an output that every build may change. */
export function leakOf(derivation: Derivation): "__noChroot" | "__impure" | null {
  const asks = (name: string): boolean =>
    derivation.structuredAttrs ? derivation.structuredAttrs[name] === true : derivation.env[name] === "1";
  if (asks("__noChroot")) return "__noChroot";
  // Nix tells it of the outputs, and leaves it out of the environment.
  return Object.values(derivation.outputs).some(({ impure }) => impure) || asks("__impure") ? "__impure" : null;
}
