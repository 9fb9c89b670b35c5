/** What a build by Nix sees: a derivation of our own, built under the very conditions, tells it. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { run, SubprocessError } from "@goatnote/action-io";
import { builtHere, type Derivation, flagsOf, lastWords, type Nix, nixString } from "@goatnote/nix-store";
import { BuildProblem } from "../vary/problem.ts";
import type { VariationName } from "../vary/variations.ts";
import { clockShiftMs } from "../vary/variations.ts";
import { type NixChange, together } from "./conditions.ts";

/** Facts by name; "" where the shell of the builder cannot tell. */
export interface NixFacts {
  path: string;
  cores: string;
  cpus: string;
  personality: string;
  fileSystem: string;
  /** Seconds since 1970. */
  clock: string;
  preload: string;
  /** Milliseconds since 1970 by our own clock. */
  read: number;
}

// Nothing but what every shell has built in: the sandbox may hold no other program.
const script = `
cpus=; while read -r name value; do case $name in Cpus_allowed_list:) cpus=$value;; esac; done < /proc/self/status
personality=; read -r personality < /proc/self/personality || true
fs=; while read -r _ _ _ _ at _ rest; do [ "$at" = "$PWD" ] && fs=$rest; done < /proc/self/mountinfo
fs=\${fs#*- }; fs=\${fs%% *}
preload=; while read -r line; do case $line in */libfaketime.so.1) preload=1;; esac; done < /proc/self/maps
clock=$(printf '%(%s)T' -1 2>/dev/null) || clock=
[ -n "$clock" ] || clock=$(date +%s 2>/dev/null) || clock=
{ echo "path=$PWD"; echo "cores=$NIX_BUILD_CORES"; echo "cpus=$cpus"; echo "personality=$personality"; echo "fileSystem=$fs"
echo "clock=$clock"; echo "preload=$preload"; } > $out
exit 0
`;

const longestMs = 300_000;
const shell = /\/(bash|sh|dash|busybox)$/;

/**
 * Builds it.
 * @param like the derivation whose builder is used where that is a shell, since a loader reads what it is told to preload
 */
export async function probe(nix: Nix, like: Derivation, changes: readonly NixChange[]): Promise<NixFacts> {
  const builder = shell.test(like.builder) ? like.builder : "/bin/sh";
  const inStore = builder.startsWith(`${nix.storeDir}/`);
  const [object] = builder.slice(nix.storeDir.length + 1).split("/");
  const value = inStore
    ? `"\${builtins.storePath ${nix.storeDir}/${object}}${builder.slice(nix.storeDir.length + 1 + object!.length)}"`
    : nixString(builder);
  const args = builder.endsWith("/busybox") ? `"sh" "-c"` : `"-c"`;
  const expression = `derivation { name = "repro-check-probe"; system = ${nixString(like.system)}; builder = ${value}; args = [ ${args} ${nixString(script)} ]; PATH = ${nixString(like.env.PATH ?? "")}; salt = "${randomUUID()}"; }`;
  const { options, wrap, env } = together(changes);
  const argv = [...wrap, nix.program, "build", "--impure", "--no-link", "--json", "--expr", expression];
  const built = await run([...argv, ...flagsOf(nix), ...builtHere, ...options] as [string, ...string[]], {
    check: false,
    timeoutMs: longestMs,
    env,
  }).catch((error: unknown) => {
    if (!(error instanceof SubprocessError)) throw error;
    throw new BuildProblem("timeout", `Nix builds nothing under these conditions: ${error.message}`);
  });
  if (built.code !== 0)
    throw new BuildProblem("failed", `Nix builds nothing under these conditions: ${lastWords(built.stderr, 3)}`);
  const [{ outputs }] = JSON.parse(built.stdout) as [{ outputs: { out: string } }];
  const said = new Map(
    (await readFile(outputs.out, "utf8")).split("\n").map((line) => line.split(/=(.*)/s, 2) as [string, string]),
  );
  const fact = (name: string): string => said.get(name) ?? "";
  return {
    path: fact("path"),
    cores: fact("cores"),
    cpus: fact("cpus"),
    personality: fact("personality"),
    fileSystem: fact("fileSystem"),
    clock: fact("clock"),
    preload: fact("preload"),
    read: Date.now(),
  };
}

/** Whether a variation shows in what two builds saw. */
export function showsEffectInNix(name: VariationName, first: NixFacts, second: NixFacts): boolean {
  switch (name) {
    case "path":
      return first.path !== second.path;
    case "parallelism":
      return first.cores !== second.cores;
    case "kernel":
      return first.personality !== second.personality;
    case "cpus":
      return first.cpus !== second.cpus;
    case "file-order":
      return first.fileSystem !== second.fileSystem && second.fileSystem === "tmpfs";
    case "time": {
      const drift = (Number(second.clock) - Number(first.clock)) * 1000 - (second.read - first.read);
      return first.clock !== "" && Math.abs(drift - clockShiftMs) < 60_000;
    }
    default:
      return false;
  }
}
