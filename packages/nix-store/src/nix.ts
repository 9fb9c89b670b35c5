/** The `nix` program of a machine: its version, store and settings, and how it is called. */
import { type RunResult, run } from "@goatnote/action-io";
import { parseDerivations } from "./derivations.ts";
import { NixError } from "./errors.ts";
import { type KnownPath, parsePathInfo } from "./path-info.ts";
import type { Derivation } from "./shapes.ts";

/**
 * Refuses a flake whose lock file lacks an input, before anything is written. `--no-write-lock-file` beside it would undo it:
 * Nix then locks in memory, with a warning, and goes on (`lockFlake` in
 * https://github.com/NixOS/nix/blob/master/src/libflake/flake.cc).
 */
export const lockedOnly = "--no-update-lock-file";

/** A Nix to call. */
export interface Nix {
  program: string;
  /** Such as `2.34.8`. */
  version: string;
  /** Such as `/nix/store`. */
  storeDir: string;
  /** Values of `nix config show`, by name. */
  settings: Record<string, unknown>;
  /** Options that go with every call. */
  options: readonly string[];
}

/** What every call says: the new commands are on, a flake's own settings are never taken over; and the options of this Nix. */
export const flagsOf = ({ options }: Pick<Nix, "options">): string[] => [
  ...["--extra-experimental-features", "nix-command flakes"],
  ...["--option", "accept-flake-config", "false"],
  ...options,
];

/** Options of a build that has to happen, and on this machine: nothing is fetched, no other machine asked. */
export const builtHere: readonly string[] = ["--option", "substitute", "false", "--option", "builders", ""];

/**
 * Outputs of a derivation, as an installable.
 * @param names these alone, where the generation can tell them apart; else all
 */
export const outputsOf = (nix: Pick<Nix, "version">, derivation: string, names: readonly string[] = ["*"]): string =>
  isAtLeast(nix, 2, 15) ? `${derivation}^${names.join(",")}` : derivation;

/** A text as the Nix language writes it. */
export const nixString = (text: string): string => JSON.stringify(text).replaceAll("${", "\\${");

/** Whether a version is this one or newer. Lix counts from 2.90 on and left Nix at 2.18. */
export function isAtLeast(nix: Pick<Nix, "version">, major: number, minor: number): boolean {
  const [ownMajor = 0, own = 0] = nix.version.split(".").map(Number);
  const counted = ownMajor === 2 && own >= 90 ? 18 : own;
  return ownMajor > major || (ownMajor === major && counted >= minor);
}

/**
 * Finds out about a Nix.
 * @param program its path, or its name on PATH
 * @throws NixError when there is none
 */
export async function openNix(program = "nix", options: readonly string[] = []): Promise<Nix> {
  const { stdout } = await run([program, "--version"]).catch((cause: Error) => {
    throw new NixError(`Nix cannot be started: ${cause.message}`, { cause });
  });
  const version = /(\d+\.\d+(?:\.\d+)?)\S*\s*$/.exec(stdout.trim())?.[1];
  if (!version)
    throw new NixError(`${program} --version says ${JSON.stringify(stdout.trim())}, which names no version.`);
  const nix: Nix = { program, version, storeDir: "", settings: {}, options };
  const shown = await call(nix, isAtLeast(nix, 2, 20) ? ["config", "show", "--json"] : ["show-config", "--json"]);
  for (const [name, { value }] of Object.entries(JSON.parse(shown.stdout) as Record<string, { value: unknown }>))
    nix.settings[name] = value;
  const { stdout: storeDir } = await call(nix, ["eval", "--raw", "--impure", "--expr", "builtins.storeDir"]);
  return { ...nix, storeDir };
}

/** Calls Nix and returns what it said; an exit code other than 0 is an error unless `check` is false. */
export function call(
  nix: Nix,
  args: readonly string[],
  { check = true, cwd }: { check?: boolean; cwd?: string } = {},
): Promise<RunResult> {
  // Options are understood after all words of a command only.
  return run([nix.program, ...args, ...flagsOf(nix)], {
    check,
    maxOutput: 512 * 1024 * 1024,
    ...(cwd !== undefined && { cwd }),
  });
}

/** Splits arguments so that no call has more than the system takes. */
function* batches(paths: readonly string[]): Generator<string[]> {
  for (let i = 0; i < paths.length; i += 500) yield paths.slice(i, i + 500);
}

/**
 * What the store knows of paths.
 * @param recursive also of all they refer to, directly or not
 * @returns valid ones, sorted by path, each once
 */
export async function pathInfo(nix: Nix, paths: readonly string[], { recursive = false } = {}): Promise<KnownPath[]> {
  const format = isAtLeast(nix, 2, 33) ? ["--json-format", "1"] : [];
  const known = new Map<string, KnownPath>();
  for (const batch of batches(paths)) {
    // Some generations end with 1 when a path is missing, others say so in the JSON.
    const result = await call(
      nix,
      ["path-info", "--json", ...format, ...(recursive ? ["--recursive"] : []), ...batch],
      { check: false },
    );
    if (!/^[[{]/.test(result.stdout.trim())) throw new NixError(`nix path-info failed: ${lastWords(result.stderr)}`);
    for (const info of parsePathInfo(result.stdout, nix.storeDir)) known.set(info.path, info);
  }
  return [...known.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Derivations by their store paths (`.drv`), or of installables.
 * @param recursive also of all they are built from
 */
export async function showDerivations(
  nix: Nix,
  paths: readonly string[],
  { recursive = false } = {},
): Promise<Derivation[]> {
  const known = new Map<string, Derivation>();
  const command = isAtLeast(nix, 2, 15) ? ["derivation", "show"] : ["show-derivation"];
  for (const batch of batches(paths)) {
    const { stdout } = await call(nix, [...command, ...(recursive ? ["--recursive"] : []), ...batch]);
    for (const each of parseDerivations(stdout, nix.storeDir)) known.set(each.path, each);
  }
  return [...known.values()];
}

/** The value of a flake's attribute, or undefined where it has none or it is no JSON. */
export async function tryEval(nix: Nix, attribute: string, cwd: string): Promise<unknown> {
  const args = ["eval", "--json", lockedOnly, attribute];
  const { code, stdout } = await call(nix, args, { check: false, cwd });
  return code === 0 ? JSON.parse(stdout) : undefined;
}

/** An error message without colours, its last lines. */
export function lastWords(stderr: string, lines = 6): string {
  const clean = stderr.replace(/\u001b\[[0-9;]*m/g, "").replace(/[^\P{Cc}\n]/gu, "");
  const told = clean.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("evaluating "));
  return told.slice(-lines).join("\n");
}
