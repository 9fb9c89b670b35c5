/** The conditions of one build, and the command line that puts them into effect. */

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

// Runs with what it needs to set a host name and mount, and gives that up before it starts the build.
const stage = `
set -e
[ -z "$1" ] || hostname "$1"
[ -z "$2" ] || ip link set lo up || true
[ -z "$3" ] || mount --bind "$3" "$4"
cd "$5"
[ -z "$6" ] || umask "$6"
shift 6
exec "$@"
`;

/** A build's folders: a tree to build in, and what it may write beside it. */
export interface Folders {
  /** What it holds: tree, tmp, cache, home. */
  root: string;
  /** Where the build sees it, which is another path when it is mounted there. */
  seenAt: string;
}

/**
 * The command line for a program under conditions.
 * @param tree the folder below `tree` that the sources are in
 * @param program and its arguments; it starts in the build's tree
 * @param identity who we are, for coming back from `sudo`
 */
export function commandLine(
  conditions: Conditions,
  { root, seenAt }: Folders,
  tree: string,
  privilege: Privilege,
  identity: { uid: number; gid: number },
  environment: Record<string, string>,
  program: readonly string[],
): [string, ...string[]] {
  const { hostname = "", offline, otherFileSystem, userId, groupId, umask = "" } = conditions;
  const mounted = otherFileSystem !== undefined && root !== seenAt;
  const namespaces = [
    ...(userId !== undefined ? ["--user", `--map-user=${userId}`, `--map-group=${groupId}`, "--keep-caps"] : []),
    ...(hostname ? ["--uts"] : []),
    ...(offline ? ["--net"] : []),
    ...(mounted ? ["--mount"] : []),
  ];
  const own = userId === undefined && namespaces.length > 0 && privilege === "user-namespace";
  if (own) namespaces.unshift("--user", "--map-current-user", "--keep-caps");
  const inUserNamespace = own || userId !== undefined;
  const sudo = namespaces.length > 0 && privilege === "sudo";
  const tail = [
    ...(inUserNamespace ? ["setpriv", "--inh-caps=-all", "--ambient-caps=-all"] : []),
    ...(sudo ? ["setpriv", `--reuid=${identity.uid}`, `--regid=${identity.gid}`, "--init-groups"] : []),
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
    hostname,
    offline ? "1" : "",
    mounted ? root : "",
    mounted ? seenAt : "",
    `${mounted ? seenAt : root}/tree/${tree}`,
    umask,
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
