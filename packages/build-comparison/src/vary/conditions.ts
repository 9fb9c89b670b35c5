/** The conditions of one build, and the command line that puts them into effect. */
import { randomInt } from "node:crypto";
import type { Mount } from "./private.ts";
import { markName } from "./processes.ts";

/** How a build is run. Without anything, it is run as the job itself would run it. */
export interface Conditions {
  /** Another folder than the first build's. */
  elsewhere: boolean;
  /** A folder on another file system that is used instead, so that directories list in another order. */
  otherFileSystem?: string;
  /** Variables beside the inherited ones; `undefined` removes one. */
  env: Record<string, string | undefined>;
  /** The home folder is another path to the same entries. */
  otherHome: boolean;
  umask?: string;
  /** Variables of the preloaded libfaketime. */
  faketime?: Record<string, string>;
  hostname?: string;
  /** A user and group id of the machine that the build believes to have. */
  userId?: number;
  groupId?: number;
  offline: boolean;
  oldKernel: boolean;
  fixedAddresses: boolean;
  /** The one processor that is used. */
  cpu?: number;
  mtimeShift: number;
  groupWrite?: boolean;
  /** Paths of the sources in the order in which they are made. */
  order?: readonly string[];
}

/** How this machine lets us make namespaces. */
export type Privilege = "root" | "user-namespace" | "sudo" | "none";

// Runs with what it needs to set a host name and mount, and gives that up before it starts the build. As the first process of
// a namespace it sees all that the build has started, in whatever environment, and says what is left of it; what is left ends
// with it.
const stage = `
set -e
report=$1 ids=$2 host=$3 offline=$4 memory=$5 folder=$6 mask=$7
shift 7
[ -z "$host" ] || hostname "$host"
[ -z "$offline" ] || ip link set lo up || true
while [ "$1" != -- ]; do mount --rbind "$1" "$2"; shift 2; done
shift
[ -z "$memory" ] || mount -t tmpfs -o mode=1777 tmpfs /dev/shm
cd "$folder"
[ -z "$mask" ] || umask "$mask"
[ -n "$report" ] || exec "$@"
# In a new namespace every build would have the same process ids, as no two builds have elsewhere.
if ! echo "$ids" 2> /dev/null > /proc/sys/kernel/ns_last_pid; then
  for ((i = ids % 200; i > 0; i--)); do (:); done
fi
set +e
"$@"
code=$?
running() {
  names=
  for file in /proc/[0-9]*/stat; do
    [ "$file" != /proc/1/stat ] && { read -r line < "$file"; } 2> /dev/null || continue
    case \${line##*) } in [ZX]*) continue ;; esac
    line=\${line#*(}
    names=$names\${line%)*}$'\\n'
  done
  [ -n "$names" ]
}
for i in {1..20}; do
  running || exit $code
  [ $code = 0 ] || break
  sleep 0.1
done
kill -KILL -1
printf %s "$names" > "$report"
chmod a+r "$report"
exit $code
`;

// sudo takes variables away, its successor sudo-rs all of them, and a command line can be read by everyone: only a file is left.
// What bash itself may not set goes through a command line for an instant; functions are defined as bash would on its start.
const environmentReader = `
mapfile -t -d '' repro_check_all < "$1"
rm -f -- "$1"
shift
repro_check_set=() repro_check_odd=()
for repro_check_one in "\${repro_check_all[@]}"; do
  repro_check_name=\${repro_check_one%%=*}
  case $repro_check_name in
    BASH_FUNC_*%%)
      repro_check_name=\${repro_check_name#BASH_FUNC_} repro_check_name=\${repro_check_name%'%%'}
      eval "$repro_check_name \${repro_check_one#*=}" && export -f -- "$repro_check_name" ;;
    BASHOPTS | SHELLOPTS | UID | EUID | PPID | BASH_VERSINFO | [0-9]* | *[!A-Za-z0-9_]*)
      repro_check_odd+=("$repro_check_one") ;;
    *) repro_check_set+=("$repro_check_one") ;;
  esac
done
[ \${#repro_check_odd[@]} = 0 ] || set -- env -- "\${repro_check_odd[@]}" "$@"
# It would complain of a locale that is not there.
export -- "\${repro_check_set[@]}" 2> /dev/null
exec -- "$@"
`;

/** A build's folders: a tree to build in, and what it may write beside it. */
export interface Folders {
  /** What it holds: tree, tmp, cache, home. */
  root: string;
  /** Where the build sees it, which is another path when it is mounted there. */
  seenAt: string;
}

/** Where a program is started. */
export interface Place extends Folders {
  /** The folder below `tree` that the sources are in. */
  tree: string;
  /** What it sees in place of the machine's own, in this order. */
  mounts: readonly Mount[];
  /** A file for the names of processes that are left, where the program is to have a process namespace; else empty. */
  report: string;
  /** A file that holds what `handedOver` says; where `sudo` is used, the program takes its variables from there. */
  variables: string;
}

/** Variables of a program, each ended by a NUL. A shell that starts elsewhere says itself where it is. */
export function handedOver(environment: Readonly<Record<string, string>>, { faketime }: Conditions): string {
  const all = Object.entries({ ...environment, ...faketime }).filter(([name]) => name !== "PWD");
  return all.map(([name, value]) => `${name}=${value}\0`).join("");
}

/**
 * The command line for a program under conditions.
 * @param identity who we are, for coming back from `sudo`
 * @param program and its arguments; it starts in the build's tree
 */
export function commandLine(
  conditions: Conditions,
  { root, seenAt, tree, mounts, report, variables }: Place,
  { privilege, identity }: { privilege: Privilege; identity: { uid: number; gid: number } },
  environment: Record<string, string>,
  program: readonly string[],
): [string, ...string[]] {
  const { hostname = "", offline, userId, groupId } = conditions;
  const mounted = root !== seenAt;
  const all = [...(mounted ? [{ from: root, to: seenAt }] : []), ...mounts];
  const namespaces = [
    ...(hostname ? ["--uts"] : []),
    ...(offline ? ["--net"] : []),
    ...(all.length > 0 ? ["--mount"] : []),
    ...(report ? ["--pid", "--fork", "--kill-child", "--mount-proc"] : []),
  ];
  const own = namespaces.length > 0 && privilege === "user-namespace";
  if (own) namespaces.unshift("--user", "--map-current-user", "--keep-caps");
  const sudo = namespaces.length > 0 && privilege === "sudo";
  // sudo sets one of its own.
  const umask = conditions.umask ?? (sudo ? process.umask().toString(8).padStart(4, "0") : "");
  const tail = [
    ...(own ? ["setpriv", "--inh-caps=-all", "--ambient-caps=-all"] : []),
    ...(sudo ? ["setpriv", `--reuid=${identity.uid}`, `--regid=${identity.gid}`, "--init-groups"] : []),
    ...(userId !== undefined ? ["unshare", "--user", `--map-user=${userId}`, `--map-group=${groupId}`, "--"] : []),
    ...(conditions.oldKernel || conditions.fixedAddresses
      ? ["setarch", ...(conditions.oldKernel ? ["--uname-2.6"] : []), ...(conditions.fixedAddresses ? ["-R"] : [])]
      : []),
    ...(conditions.cpu !== undefined ? ["taskset", "-c", String(conditions.cpu)] : []),
    ...(sudo
      ? [...cleanShell(environment), environmentReader, "variables", variables]
      : preloaded(conditions.faketime)),
    ...program,
  ];
  return [
    ...(sudo ? ["sudo", "--non-interactive"] : []),
    ...(namespaces.length > 0 ? ["unshare", ...namespaces, "--"] : []),
    // Where sudo keeps a locale and takes away its folder, bash would complain.
    ...(sudo ? ["env", "LC_ALL=C"] : []),
    "bash",
    "--noprofile",
    "--norc",
    "-c",
    stage,
    "stage",
    report,
    report ? String(nextProcessId()) : "",
    hostname,
    offline ? "1" : "",
    mounts.length > 0 ? "1" : "",
    `${seenAt}/tree/${tree}`,
    umask,
    ...all.flatMap(({ from, to }) => [from, to]),
    "--",
    ...tail,
  ] as [string, ...string[]];
}

let processId: number | undefined;

/** Where the process ids of a build begin: by chance for the first, and for each after it elsewhere. */
function nextProcessId(): number {
  processId = processId === undefined ? randomInt(300, 30_000) : 300 + ((processId - 300 + 7_919) % 29_700);
  return processId;
}

/** A shell that has nothing but what finds programs, and what its process is found by until it has read the rest. */
function cleanShell(environment: Readonly<Record<string, string>>): string[] {
  const kept = ["PATH", markName].filter((name) => environment[name] !== undefined);
  return ["env", "-i", ...kept.map((name) => `${name}=${environment[name]}`), "bash", "--noprofile", "--norc", "-c"];
}

/** `env` with what is preloaded for the build alone, and not for the programs that start it. */
function preloaded(faketime: Record<string, string> = {}): string[] {
  const all = Object.entries(faketime).map(([name, value]) => `${name}=${value}`);
  return all.length > 0 ? ["env", ...all] : [];
}
