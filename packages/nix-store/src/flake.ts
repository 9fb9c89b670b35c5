/** What `nix flake metadata`, the lock file and `nix flake show` say. */
import { readAnswer } from "./answer.ts";
import { call, lockedOnly, type Nix } from "./nix.ts";

/** One input of a flake, as its lock file fixes it. */
export interface LockedInput {
  /** The name of the node in the lock file. */
  name: string;
  type: string;
  /** As a flake reference, such as `github:NixOS/nixpkgs/<revision>`. */
  url: string;
  revision: string | null;
  /** `sha256-<base64>` of the source's NAR; null when the lock file does not say. */
  narHash: string | null;
  /** Part of the flake's own sources. */
  own: boolean;
}

export interface FlakeMetadata {
  url: string;
  revision: string | null;
  /** Set where the checkout has changes that no commit has. */
  dirtyRevision: string | null;
  narHash: string | null;
  /** Seconds since 1970. */
  lastModified: number | null;
  /** The store path of the sources. */
  path: string;
  inputs: LockedInput[];
}

interface Locked {
  type: string;
  url?: string;
  owner?: string;
  repo?: string;
  path?: string;
  rev?: string;
  narHash?: string;
  host?: string;
}
interface Raw {
  url: string;
  path: string;
  revision?: string;
  dirtyRevision?: string;
  lastModified?: number;
  locked?: Locked;
  locks: Locks;
}
/** What a lock file holds: https://nix.dev/manual/nix/latest/command-ref/new-cli/nix3-flake#lock-files */
interface Locks {
  root: string;
  nodes: Record<string, { locked?: Locked; parent?: string[] }>;
}

/** Asks about a flake; its lock file is neither written nor brought up to date. */
export async function flakeMetadata(nix: Nix, flake: string, cwd: string): Promise<FlakeMetadata> {
  const { stdout } = await call(nix, ["flake", "metadata", "--json", lockedOnly, flake], { cwd });
  return parseMetadata(stdout);
}

export const parseMetadata = (json: string): FlakeMetadata =>
  readAnswer("nix flake metadata", json, (answer) => {
    const raw = answer as Raw;
    return {
      url: raw.url,
      path: raw.path,
      revision: raw.revision ?? null,
      dirtyRevision: raw.dirtyRevision ?? null,
      narHash: raw.locked?.narHash ?? null,
      lastModified: raw.lastModified ?? null,
      inputs: lockedInputs(raw.locks),
    };
  });

/** The inputs in a parsed `flake.lock`, sorted by name. */
export function lockedInputs({ root, nodes }: Locks): LockedInput[] {
  return Object.entries(nodes)
    .filter(([name]) => name !== root)
    .map(([name, { locked, parent }]) => ({
      name,
      type: locked?.type ?? "",
      url: locked ? reference(locked) : "",
      revision: locked?.rev ?? null,
      narHash: locked?.narHash ?? null,
      own: locked?.type === "path" && parent !== undefined,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function reference({ type, owner, repo, rev, url, path, host }: Locked): string {
  if (owner && repo) return `${type}:${owner}/${repo}${rev ? `/${rev}` : ""}${host ? `?host=${host}` : ""}`;
  if (type === "path") return `path:${path ?? ""}`;
  const bare = url ?? "";
  return type === "git" ? `git+${bare}${rev ? `?rev=${rev}` : ""}` : bare;
}

/** One output of a flake. */
export interface FlakeOutput {
  /** Such as `packages.x86_64-linux.default`. */
  attribute: string;
  /** Such as `derivation`, `app`, `nixpkgs-overlay`, `unknown`. */
  type: string;
  /** Of derivations: name and version, as in a store path; else null. */
  name: string | null;
  description: string | null;
}

/** Lists a flake's outputs. Of other systems than this one's, newer generations do not. */
export async function flakeShow(nix: Nix, flake: string, cwd: string): Promise<FlakeOutput[]> {
  const { stdout } = await call(nix, ["flake", "show", "--json", lockedOnly, flake], { cwd });
  return parseFlakeShow(stdout);
}

/**
 * Reads `nix flake show --json`: attributes in attributes, and where one is an output its type.
 * @throws NixError when it has another form
 */
export const parseFlakeShow = (json: string): FlakeOutput[] => readAnswer("nix flake show", json, outputsIn);

function outputsIn(answer: unknown): FlakeOutput[] {
  const outputs: FlakeOutput[] = [];
  const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
  const visit = (value: Record<string, unknown>, path: readonly string[]): void => {
    // An attribute may be called `type` too, and then holds further ones.
    if (typeof value.type === "string")
      outputs.push({
        attribute: path.join("."),
        type: value.type,
        name: text(value.name),
        description: text(value.description),
      });
    else
      for (const [name, inner] of Object.entries(value))
        if (typeof inner === "object" && inner !== null) visit(inner as Record<string, unknown>, [...path, name]);
  };
  visit(answer as Record<string, unknown>, []);
  return outputs.sort((a, b) => (a.attribute < b.attribute ? -1 : 1));
}
