/** The conditions of one build, and the command line that puts them into effect. */
import { randomInt } from "node:crypto";
import type { Mount } from "./private.ts";

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
exit $code
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
}

/**
 * The command line for a program under conditions.
 * @param identity who we are, for coming back from `sudo`
 * @param program and its arguments; it starts in the build's tree
 */
export function commandLine(
  conditions: Conditions,
  { root, seenAt, tree, mounts, report }: Place,
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
    ...restored(sudo, environment, conditions.faketime),
    ...program,
  ];
  return [
    ...(sudo ? ["sudo", "--non-interactive", "--preserve-env"] : []),
    ...(namespaces.length > 0 ? ["unshare", ...namespaces, "--"] : []),
    // Where sudo took away the folder of a locale, bash would complain.
    ...(sudo ? ["env", "LC_ALL=C"] : []),
    "bash",
    "--noprofile",
    "--norc",
    "-c",
    stage,
    "stage",
    report,
    report ? String(randomInt(300, 30_000)) : "",
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

// sudo sets or drops these; none of them is a secret, which a command line must not hold.
const changedBySudo = [
  ...["PATH", "HOME", "SHELL", "TERM", "MAIL", "USER", "LOGNAME", "TMPDIR", "TZ"],
  ...["LANG", "LANGUAGE", "LC_ALL", "LOCPATH", "LD_LIBRARY_PATH"],
  ...["SUDO_COMMAND", "SUDO_USER", "SUDO_UID", "SUDO_GID", "SUDO_HOME"],
];

/** `env` with what sudo took out put back and what it added taken out, and with what is preloaded for the build alone. */
function restored(sudo: boolean, environment: Record<string, string>, faketime: Record<string, string> = {}): string[] {
  const names = sudo ? changedBySudo : [];
  const removed = names.filter((name) => environment[name] === undefined).flatMap((name) => ["-u", name]);
  const set = names.filter((name) => environment[name] !== undefined).map((name) => `${name}=${environment[name]}`);
  const all = [...removed, ...set, ...Object.entries(faketime).map(([name, value]) => `${name}=${value}`)];
  return all.length > 0 ? ["env", ...all] : [];
}
