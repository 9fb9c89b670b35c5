/** How the second build of a derivation is made other: settings and surroundings that do not change the derivation. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isAtLeast, type Nix } from "@goatnote/nix-store";
import type { Machine } from "../vary/machine.ts";
import type { VariationReport } from "../vary/rebuild.ts";
import { clockShiftMs, type VariationName } from "../vary/variations.ts";

/** What is put around a call of Nix. */
export interface NixChange {
  /** Arguments for Nix. */
  options?: string[];
  /** Paths of the machine that the sandbox shows, as `<inside>=<outside>`. */
  sandboxPaths?: string[];
  /** A program that starts Nix. */
  wrap?: string[];
  env?: Record<string, string>;
}

export type NixPrepared = { change: NixChange } | Pick<VariationReport, "status" | "detail">;

/** A Nix that builds in its own process gets our surroundings; a daemon has its own. */
export interface NixMachine {
  nix: Nix;
  machine: Machine;
  inProcess: boolean;
  /** A folder of ours, where Nix may build. */
  folder: string;
  onClean: (clean: () => Promise<void>) => void;
}

const unavailable = (detail: string): NixPrepared => ({ status: "unavailable", detail });
const daemon = "the daemon of Nix builds, in its own surroundings";

/** What the sandbox makes the same for every build, on every machine. */
const fixed: Partial<Record<VariationName, string>> = {
  home: "Nix gives every build the home /homeless-shelter",
  user: "Nix gives every build a user of its own",
  timezone: "Nix gives builds no time zone",
  locale: "Nix gives builds no locale",
  umask: "Nix gives every build the umask 0022",
  hostname: "the sandbox of Nix names every machine localhost",
  aslr: "Nix fixes addresses",
  mtimes: "Nix gives all sources the time 1",
  environment: "Nix gives builds the variables of the derivation only",
  network: "the sandbox of Nix has no network",
};
// These need no sandbox.
const alwaysFixed: readonly VariationName[] = ["home", "timezone", "locale", "umask", "mtimes", "environment", "aslr"];

const sandboxed = ({ settings }: Nix): boolean => settings.sandbox === true;

export async function prepareNix(name: VariationName, surroundings: NixMachine): Promise<NixPrepared> {
  const { nix, machine, inProcess, folder } = surroundings;
  if (fixed[name] !== undefined)
    return sandboxed(nix) || alwaysFixed.includes(name)
      ? { status: "no-effect", detail: fixed[name] }
      : unavailable("the sandbox of Nix is off");
  switch (name) {
    case "path":
      return sandboxed(nix)
        ? { change: { options: ["--option", "sandbox-build-dir", "/the-second-build-is-elsewhere"] } }
        : unavailable("the sandbox of Nix is off");
    case "parallelism":
      return { change: { options: ["--cores", Number(nix.settings.cores) === 1 ? "3" : "1"] } };
    case "kernel":
      if (!inProcess) return unavailable(daemon);
      return tried(machine, { wrap: ["setarch", "--uname-2.6"] }, "setarch", "--uname-2.6", "true");
    case "cpus": {
      if (!inProcess) return unavailable(daemon);
      const cpu = String(machine.cpus.at(-1) ?? 0);
      return tried(machine, { wrap: ["taskset", "-c", cpu] }, "taskset", "-c", cpu, "true");
    }
    case "file-order":
      return fileOrder(surroundings);
    case "time":
      return timeChange(nix, machine, folder);
    default:
      return unavailable("not for Nix");
  }
}

async function tried(machine: Machine, change: NixChange, ...argv: [string, ...string[]]): Promise<NixPrepared> {
  const outcome = await machine.works(...argv);
  return outcome === true ? { change } : unavailable(outcome);
}

/** Builds in memory, whose folders list the latest first. */
async function fileOrder({ nix, inProcess, onClean }: NixMachine): Promise<NixPrepared> {
  if (!inProcess) return unavailable(daemon);
  const folder = await mkdtemp("/dev/shm/repro-check-").catch(() => undefined);
  if (!folder) return unavailable("/dev/shm cannot be written");
  onClean(() => rm(folder, { recursive: true, force: true }));
  return {
    change: isAtLeast(nix, 2, 30) ? { options: ["--option", "build-dir", folder] } : { env: { TMPDIR: folder } },
  };
}

/** libfaketime, preloaded by the loader of the builder: glibc's own, or that of nixpkgs, which reads another file. */
async function timeChange(nix: Nix, machine: Machine, folder: string): Promise<NixPrepared> {
  if (!sandboxed(nix)) return unavailable("the sandbox of Nix is off");
  const library = machine.libfaketime?.replace("MT.so", ".so");
  if (!library) return unavailable("libfaketime is not installed (apt-get install faketime)");
  const own = join(folder, "faketime");
  await mkdir(own, { recursive: true });
  await writeFile(join(own, "preload"), "/libfaketime.so.1\n");
  await writeFile(join(own, "faketimerc"), `+${clockShiftMs / 1000}s\n`);
  return {
    change: {
      sandboxPaths: [
        `/libfaketime.so.1=${library}`,
        `/etc/ld.so.preload=${join(own, "preload")}`,
        `/etc/ld-nix.so.preload=${join(own, "preload")}`,
        `/etc/faketimerc=${join(own, "faketimerc")}`,
      ],
    },
  };
}

/** Several changes as one: arguments and environment for a call of Nix, and what starts it. */
export function together(changes: readonly NixChange[]): Required<Omit<NixChange, "sandboxPaths">> {
  const paths = changes.flatMap(({ sandboxPaths = [] }) => sandboxPaths);
  return {
    options: [
      ...changes.flatMap(({ options = [] }) => options),
      ...(paths.length > 0 ? ["--option", "extra-sandbox-paths", paths.join(" ")] : []),
    ],
    wrap: changes.flatMap(({ wrap = [] }) => wrap),
    env: Object.assign({}, ...changes.map(({ env }) => env)),
  };
}

/** Whether Nix builds in its own process, and does not hand over to a daemon. */
export function buildsInProcess(
  nix: Nix,
  environment: Readonly<Record<string, string | undefined>>,
  uid: number,
): boolean {
  const store = environment.NIX_REMOTE || String(nix.settings.store ?? "") || "auto";
  // As root, `auto` opens the store itself.
  return store === "auto" ? uid === 0 : store === "local" || store.startsWith("/");
}
