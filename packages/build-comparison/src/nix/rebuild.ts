/** One derivation built again and compared by Nix, in a process of its own: in one with others, a failure hides them. */
import { chmod, lstat, mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run, SubprocessError } from "@goatnote/action-io";
import { builtHere, type Derivation, lastWords, type Nix } from "@goatnote/nix-store";
import { type NixChange, together } from "./conditions.ts";

export type RebuildVerdict = "identical" | "different" | "failed" | "not-built";

/** What came of building a derivation again. */
export interface Rebuild {
  verdict: RebuildVerdict;
  /** Why it is not identical, in Nix's words. */
  detail: string;
  /** Outputs that differ, and where the second build's are, until `remove` is called. */
  outputs: { output: string; path: string; other: string }[];
  started: number;
  ended: number;
  remove: () => Promise<void>;
}

/** A program beside `nix`. */
const besideNix = ({ program }: Nix, name: string): string =>
  program.includes("/") ? join(dirname(program), name) : name;

/**
 * `nix-store --realise --check`, which all generations end in the same way: 0 when the outputs are equal, bits over 0x60
 * for what went wrong, 1 when nothing could be checked. `nix build --rebuild` ends with 1 for all of these.
 * https://nix.dev/manual/nix/latest/command-ref/status-build-failure
 */
export async function rebuildOnce(
  nix: Nix,
  derivation: Derivation,
  changes: readonly NixChange[],
  temporary: string,
  deadline: number,
): Promise<Rebuild> {
  const { options, wrap, env } = together(changes);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  const argv = [...wrap, besideNix(nix, "nix-store"), "--realise", "--check", "--keep-failed", derivation.path];
  const started = Date.now();
  const left = deadline - started;
  const nothing = { outputs: [], started, remove: async () => {} };
  if (left <= 0) return { ...nothing, verdict: "failed", detail: "there was no time left", ended: started };
  const { code, stderr } = await run([...argv, ...builtHere, ...nix.options, ...options] as [string, ...string[]], {
    check: false,
    timeoutMs: left,
    maxOutput: 512 * 1024 * 1024,
    env: { TMPDIR: temporary, ...env },
  }).catch((error: unknown) => {
    if (!(error instanceof SubprocessError) || Date.now() < deadline) throw error;
    return { code: null, stderr: "it did not end in time and was stopped" };
  });
  const ended = Date.now();
  const detail = lastWords(stderr, 3);
  const verdict = verdictOf(code);
  const outputs =
    verdict === "different"
      ? Object.entries(derivation.outputs).flatMap(([output, { path }]) =>
          path === null ? [] : [{ output, path, other: `${path}.check` }],
        )
      : [];
  const kept: Rebuild["outputs"] = [];
  for (const each of outputs) if (await lstat(each.other).catch(() => undefined)) kept.push(each);
  const remove = async (): Promise<void> => {
    for (const { other } of kept) await removeReadOnly(other);
    await removeReadOnly(temporary);
    // What Nix keeps of a build that differs, it keeps in the folder that it built in.
    if (env.TMPDIR) for (const name of await readdir(env.TMPDIR)) await removeReadOnly(join(env.TMPDIR, name));
  };
  return { verdict, detail, outputs: kept, started, ended, remove };
}

function verdictOf(code: number | null): RebuildVerdict {
  if (code === 0) return "identical";
  if (code === 1) return "not-built";
  return code !== null && (code & 0x60) === 0x60 && (code & 0x08) !== 0 ? "different" : "failed";
}

/** Outputs are not writable, their folders neither. What is not ours is left to Nix's own garbage collection. */
async function removeReadOnly(path: string): Promise<void> {
  const open = async (at: string): Promise<void> => {
    const stats = await lstat(at).catch(() => undefined);
    if (!stats?.isDirectory()) return;
    await chmod(at, 0o700);
    for (const name of await readdir(at)) await open(join(at, name));
  };
  try {
    await open(path);
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!/^(EPERM|EACCES|EROFS)$/.test((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
