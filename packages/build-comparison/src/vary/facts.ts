/** What a build sees: read by the programs that builds use, under the very conditions of the build. */
import { lstat, opendir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { clockShiftMs, type VariationName } from "./variations.ts";

/** Facts by name; "" where the machine cannot tell. */
export interface Facts {
  path: string;
  home: string;
  tmp: string;
  user: string;
  uid: string;
  group: string;
  gid: string;
  hostname: string;
  kernel: string;
  umask: string;
  cpus: string;
  /** Offset and name of the time zone. */
  zone: string;
  zoneName: string;
  /** How the locale sorts and names a month. */
  locale: string;
  /** Short names of months, then of weekdays from Sunday on, parted by semicolons. */
  months: string;
  days: string;
  /** Seconds since 1970, as a program reads them. */
  clock: string;
  /** Where the stack ends. Where it begins depends on the environment's size, with fixed addresses too. */
  stack: string;
  interfaces: string;
  noise: string;
  jobs: string;
  /** Milliseconds since 1970 by our own clock, when the facts were read. */
  read: number;
  /** The order in which a folder of that file system lists what was made in it. */
  order: string;
  /** Sources in the order in which their folders list them. */
  listing: string[];
  /** Modification times of sources. */
  mtimes: string;
}

/** Prints facts, each ended by a NUL. Every build begins with it, so it starts no program for what bash itself can tell. */
export const factsScript = `
say() { printf '%s=%s\\0' "$1" "$2"; }
newline='
'
say path "$PWD"
say home "\${HOME-}"
say tmp "\${TMPDIR-}"
# Its words are of a language, and what is asked for is not: uid=1000(ada) gid=1000(ada) ...; a number may have no name.
named='^uid=([0-9]+)(\\(([^)]*)\\))? gid=([0-9]+)(\\(([^)]*)\\))?'
if [[ "$(LC_ALL=C id 2>/dev/null)" =~ $named ]]; then
  say user "\${BASH_REMATCH[3]:-\${BASH_REMATCH[1]}}"
  say uid "\${BASH_REMATCH[1]}"
  say group "\${BASH_REMATCH[6]:-\${BASH_REMATCH[4]}}"
  say gid "\${BASH_REMATCH[4]}"
fi
system="$(uname -nr 2>/dev/null)"
say hostname "\${system% *}"
say kernel "\${system##* }"
say umask "$(umask)"
say cpus "$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null)"
sorted="$(printf 'z\\na\\nu\\nB\\n' | sort)"
say locale "\${sorted//$newline/ } $(date -d 2001-02-03 +%B 2>/dev/null)"
short="$(locale abmon abday 2>/dev/null)"
say months "\${short%%$newline*}"
say days "\${short#*$newline}"
if [ -r /proc/self/maps ]; then
  mapfile -t lines < /proc/self/maps
  for line in "\${lines[@]}"; do
    [[ $line = *'[stack]' ]] && line="\${line%% *}" && say stack "\${line#*-}"
  done
  mapfile -t lines < /proc/net/dev
  interfaces=
  for line in "\${lines[@]}"; do
    [[ $line = *:* ]] && line="\${line%%:*}" && interfaces="$interfaces \${line// /}"
  done
  say interfaces "$interfaces"
fi
say noise "\${REPRO_CHECK_NOISE-}"
say jobs "\${MAKEFLAGS-}"
# Last, so that little time is between it and when it is read.
now="$(date '+%z %Z %s')"
say zone "\${now%% *}"
zone="\${now#* }"
say zoneName "\${zone% *}"
say clock "\${now##* }"
`;

/**
 * @param output of the script
 * @param read when it had ended, in milliseconds since 1970
 * @param order in which a folder of that file system lists
 */
export async function readFacts(output: string, read: number, tree: string, order: string): Promise<Facts> {
  const said = new Map(output.split("\0").map((part) => part.split(/=(.*)/s, 2) as [string, string]));
  const fact = (name: string): string => said.get(name) ?? "";
  const names = [
    "path",
    "home",
    "tmp",
    "user",
    "uid",
    "group",
    "gid",
    "hostname",
    "kernel",
    "umask",
    "cpus",
    "zone",
    "zoneName",
    "locale",
    "months",
    "days",
    "clock",
    "stack",
    "interfaces",
    "noise",
    "jobs",
  ] as const;
  const texts = Object.fromEntries(names.map((name) => [name, fact(name)])) as Record<(typeof names)[number], string>;
  const interfaces = texts.interfaces.split(" ").sort().join(" ");
  return { ...texts, interfaces, read, order, ...(await sourcesIn(tree)) };
}

const mostListed = 200_000;

/** Not by `readdir`, which sorts. */
async function sourcesIn(tree: string): Promise<Pick<Facts, "listing" | "mtimes">> {
  const listing: string[] = [];
  const mtimes: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    for await (const entry of await opendir(folder)) {
      const path = join(folder, entry.name);
      if (path === join(tree, ".git") || listing.length >= mostListed) continue;
      const name = path.slice(tree.length + 1);
      listing.push(name);
      if (entry.isDirectory()) await visit(path);
      else if (mtimes.length < 1000) mtimes.push(`${name} ${Math.trunc((await lstat(path)).mtimeMs)}`);
    }
  };
  await visit(tree);
  return { listing, mtimes: mtimes.sort().join("\0") };
}

/** Whether any folder has two entries, which alone can be in another order. */
function siblings(listing: readonly string[]): boolean {
  const parents = listing.map((path) => dirname(path));
  return new Set(parents).size < parents.length;
}

/** Whether a variation shows in the facts of two builds: what it was to change has changed. */
export function showsEffect(name: VariationName, first: Facts, second: Facts): boolean {
  const differs = (...keys: (keyof Facts)[]): boolean => keys.some((key) => first[key] !== second[key]);
  switch (name) {
    case "path":
      return differs("path");
    case "home":
      return differs("home");
    case "user":
      return differs("uid");
    case "timezone":
      return differs("zone");
    case "locale":
      return differs("locale");
    case "umask":
      return differs("umask");
    case "time": {
      const drift = (Number(second.clock) - Number(first.clock)) * 1000 - (second.read - first.read);
      return Math.abs(drift - clockShiftMs) < 60_000;
    }
    case "hostname":
      return differs("hostname");
    case "kernel":
      return differs("kernel");
    case "cpus":
      return differs("cpus");
    case "aslr":
      return differs("stack");
    case "file-order":
      return siblings(first.listing) ? first.listing.join("\0") !== second.listing.join("\0") : differs("order");
    case "mtimes":
      return differs("mtimes");
    case "environment":
      return differs("noise");
    case "parallelism":
      return differs("jobs");
    case "network":
      return differs("interfaces");
  }
}
