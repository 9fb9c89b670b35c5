/** What this machine allows a variation to use. Everything is tried, nothing is concluded from a version or a name. */
import { accessSync, constants, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { run } from "@goatnote/action-io";
import type { Privilege } from "./conditions.ts";
import { libfaketime } from "./faketime.ts";
import { withheld } from "./secrets.ts";

export interface Machine {
  platform: NodeJS.Platform;
  identity: { uid: number; gid: number };
  privilege: Privilege;
  /** Why there are no namespaces, where there are none. */
  noNamespaces: string;
  /** Whether a build can have a process namespace, which nothing that it starts can leave. */
  processNamespace: boolean;
  /** What the home folder held before any build. */
  homeEntries: readonly string[];
  /** The environment that builds inherit. */
  environment: Record<string, string>;
  /** Names of variables that they do not get. */
  withheld: readonly string[];
  /** Ids of the processors that we may use. */
  cpus: number[];
  libfaketime: string | undefined;
  /** Whether a program can be started with these arguments and ends well. */
  works: (...argv: [string, ...string[]]) => Promise<string | true>;
  has: (program: string) => boolean;
}

const quick = { timeoutMs: 60_000, check: false } as const;

/**
 * @param available what builds could inherit
 * @param keep names of variables that they get although they look like secrets
 */
export async function examineMachine(
  available: Record<string, string>,
  keep: readonly string[] = [],
): Promise<Machine> {
  const removed = withheld(available, keep);
  const environment = Object.fromEntries(Object.entries(available).filter(([name]) => !removed.includes(name)));
  const platform = process.platform;
  const identity = { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
  const works = async (...argv: [string, ...string[]]): Promise<string | true> => {
    try {
      const { code, stderr } = await run(argv, quick);
      return code === 0 || (stderr.trim().split("\n").at(-1) ?? `exit code ${code}`);
    } catch {
      return `${argv[0]} is not there`;
    }
  };
  const has = (program: string): boolean =>
    (environment.PATH ?? "").split(delimiter).some((folder) => isExecutable(join(folder, program)));
  const { privilege, reason } = await findPrivilege(platform, identity.uid, works);
  return {
    platform,
    identity,
    privilege,
    noNamespaces: reason,
    processNamespace: privilege !== "none" && (await works(...unsharing[privilege], ...ofProcesses, "true")) === true,
    homeEntries: await readdir(environment.HOME ?? "").catch(() => []),
    environment,
    withheld: removed,
    cpus: allowedCpus(),
    libfaketime: libfaketime(),
    works,
    has,
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** How namespaces are made. */
const unsharing: Record<Exclude<Privilege, "none">, [string, ...string[]]> = {
  root: ["unshare"],
  "user-namespace": ["unshare", "--user", "--map-current-user", "--keep-caps"],
  sudo: ["sudo", "--non-interactive", "unshare"],
};
const ofProcesses = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

async function findPrivilege(
  platform: NodeJS.Platform,
  uid: number,
  works: Machine["works"],
): Promise<{ privilege: Privilege; reason: string }> {
  if (platform !== "linux") return { privilege: "none", reason: `${platform} has no namespaces` };
  const parts = ["--uts", "--net", "--mount", "true"];
  if (uid === 0 && (await works(...unsharing.root, ...parts)) === true) return { privilege: "root", reason: "" };
  // Before a user namespace, in which sudo, setuid programs and changes of owner fail: a build may need them.
  if (uid !== 0 && (await works(...unsharing.sudo, ...parts)) === true) return { privilege: "sudo", reason: "" };
  const user = await works(...unsharing["user-namespace"], ...parts);
  if (user === true) return { privilege: "user-namespace", reason: "" };
  return { privilege: "none", reason: user };
}

/** From lists such as `0-3,8`. */
function allowedCpus(): number[] {
  try {
    const [, list = ""] = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return list.split(",").flatMap((part) => {
      const [from = 0, to = from] = part.split("-").map(Number);
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
  } catch {
    return [];
  }
}
