/** Each variation: what it changes for the second build, and what it needs from the machine. */
import { mkdir, mkdtemp, readdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { run } from "@goatnote/action-io";
import { removeFolder } from "./artifacts.ts";
import type { Conditions } from "./conditions.ts";
import type { Sources } from "./copy.ts";
import { faketimeVariables } from "./faketime.ts";
import type { Machine } from "./machine.ts";

export const variationNames = [
  "path",
  "home",
  "user",
  "timezone",
  "locale",
  "umask",
  "time",
  "hostname",
  "kernel",
  "cpus",
  "aslr",
  "file-order",
  "mtimes",
  "environment",
  "parallelism",
  "network",
] as const;
export type VariationName = (typeof variationNames)[number];

/** What it takes to put a variation into effect, or why this machine cannot. */
export type Prepared = { change: Partial<Conditions> } | { unavailable: string };

/** What variations may use while they are prepared. */
export interface Workshop {
  machine: Machine;
  sources: Sources;
  /** A folder of our own for what a variation needs. */
  folder: string;
  /** Called at the end, with what was made elsewhere. */
  onClean: (clean: () => Promise<void>) => void;
}

/** Conditions of a build that nothing is changed for. Fixed addresses are what the random ones are compared with. */
export function firstConditions(fixedAddresses: boolean): Conditions {
  return {
    elsewhere: false,
    env: {},
    otherHome: false,
    offline: false,
    oldKernel: false,
    fixedAddresses,
    mtimeShift: 0,
  };
}

/** The first build's conditions with some changes; their variables are put together. */
export function vary(first: Conditions, changes: readonly Partial<Conditions>[]): Conditions {
  const env = Object.assign({}, first.env, ...changes.map((change) => change.env));
  return Object.assign({}, first, ...changes, { env });
}

const day = 86_400_000;

/** How variations are prepared, by name. */
export const preparations: Record<VariationName, (workshop: Workshop) => Promise<Prepared> | Prepared> = {
  path: () => ({ change: { elsewhere: true } }),
  home: ({ machine: { environment } }) =>
    environment.HOME ? { change: { otherHome: true } } : { unavailable: "HOME is not set" },
  user: prepareUser,
  timezone: () => ({ change: { env: { TZ: zoneOfAnotherDate(new Date()) } } }),
  locale: prepareLocale,
  umask: () =>
    process.umask() === 0o002
      ? { change: { umask: "0022", groupWrite: false } }
      : { change: { umask: "0002", groupWrite: true } },
  time: prepareTime,
  hostname: ({ machine }) => namespaces(machine, { hostname: "second-build" }, "hostname"),
  kernel: ({ machine }) => tried(machine, { oldKernel: true }, "setarch", "--uname-2.6", "true"),
  cpus: ({ machine }) =>
    machine.cpus[0] === undefined
      ? { unavailable: "taskset is of Linux" }
      : tried(machine, { cpu: machine.cpus.at(-1)! }, "taskset", "-c", String(machine.cpus.at(-1)), "true"),
  aslr: ({ machine }) => tried(machine, { fixedAddresses: false }, "setarch", "-R", "true"),
  "file-order": prepareFileOrder,
  // 370 days and some: another year, another hour, odd and even seconds.
  mtimes: () => ({ change: { mtimeShift: -(370 * day + 7_201_000) } }),
  environment: ({ machine: { environment } }) => ({ change: { env: noise(environment) } }),
  parallelism: ({ machine: { environment } }) => {
    const jobs = Math.max(4, availableParallelism() + 2);
    const sequential = /(^|\s)-j/.test(environment.MAKEFLAGS ?? "");
    return {
      change: {
        env: {
          MAKEFLAGS: sequential ? "-j1" : `-j${jobs}`,
          CMAKE_BUILD_PARALLEL_LEVEL: String(sequential ? 1 : jobs),
          CARGO_BUILD_JOBS: String(sequential ? 1 : jobs),
        },
      },
    };
  },
  network: ({ machine }) => namespaces(machine, { offline: true }, "ip"),
};

function namespaces(machine: Machine, change: Partial<Conditions>, program: string): Prepared {
  if (machine.privilege === "none") return { unavailable: `no namespace can be made here: ${machine.noNamespaces}` };
  return machine.has(program) ? { change } : { unavailable: `${program} is not installed` };
}

async function tried(machine: Machine, change: Partial<Conditions>, ...argv: [string, ...string[]]): Promise<Prepared> {
  const outcome = await machine.works(...argv);
  return outcome === true ? { change } : { unavailable: outcome };
}

/** A zone where it is another day now than in any zone that a build might run in by itself, mostly UTC. */
function zoneOfAnotherDate(now: Date): string {
  // POSIX writes zones the other way round: GMT-14 is 14 hours ahead.
  return now.getUTCHours() >= 10 ? "GMT-14" : "GMT+12";
}

async function prepareUser({ machine }: Workshop): Promise<Prepared> {
  const users = (await readFile("/etc/passwd", "utf8").catch(() => "")).split("\n").map((line) => line.split(":"));
  const other = users.find(
    ([, , uid, gid]) => Number(uid) > 0 && Number(uid) !== machine.identity.uid && Number(gid) > 0,
  );
  if (!other) return { unavailable: "there is no other user" };
  const [userId, groupId] = [Number(other[2]), Number(other[3])];
  return tried(
    machine,
    { userId, groupId, env: { USER: other[0], LOGNAME: other[0] } },
    "unshare",
    "--user",
    `--map-user=${userId}`,
    `--map-group=${groupId}`,
    "--keep-caps",
    "true",
  );
}

function noise(environment: Record<string, string>): Record<string, string> {
  const next = (name: string): string => String(Number(environment[name] ?? 0) + 1);
  return {
    REPRO_CHECK_NOISE: "a variable that no build may depend on",
    PATH: `${environment.PATH ?? ""}:/nonexistent/repro-check-path`,
    COLUMNS: "137",
    BUILD_NUMBER: next("BUILD_NUMBER"),
    GITHUB_RUN_ID: next("GITHUB_RUN_ID"),
    GITHUB_RUN_NUMBER: next("GITHUB_RUN_NUMBER"),
    GITHUB_RUN_ATTEMPT: next("GITHUB_RUN_ATTEMPT"),
  };
}

function prepareTime({ machine: { libfaketime } }: Workshop): Prepared {
  if (!libfaketime)
    return { unavailable: "libfaketime is not installed (apt-get install faketime); the builds began seconds apart" };
  return { change: { faketime: faketimeVariables(libfaketime, clockShiftMs) } };
}

/** How far the second build's clock is ahead: another year, month, weekday and hour. */
export const clockShiftMs = 398 * day + 11_220_000;

/** A locale with another collation than C, made here where the machine has none but its sources. */
async function prepareLocale({ machine, folder }: Workshop): Promise<Prepared> {
  const settings = (locale: string): Record<string, string> => ({
    LC_ALL: locale,
    LANG: locale,
    LANGUAGE: `${locale.split(".")[0]}:fr`,
  });
  if (machine.platform === "win32") return { unavailable: "there are no POSIX locales" };
  const installed = await localesOf(machine);
  const current = machine.environment.LC_ALL || machine.environment.LANG || "C";
  const other = ["et_EE", "tr_TR", "cs_CZ", "de_DE", "fr_FR", "sv_SE", "en_US"]
    .filter((name) => !current.startsWith(name))
    .map((name) => installed.find((locale) => new RegExp(`^${name}\\.utf-?8$`, "i").test(locale)))
    .find((locale) => locale !== undefined);
  if (other !== undefined) return { change: { env: settings(other) } };
  if (machine.platform !== "linux" || !machine.has("localedef"))
    return { unavailable: `the only locales here are ${installed.slice(0, 5).join(", ") || "not known"}` };
  const made = await machine.works(
    "localedef",
    "--no-archive",
    "-i",
    "et_EE",
    "-f",
    "UTF-8",
    join(folder, "et_EE.UTF-8"),
  );
  if (made !== true)
    return { unavailable: `the only locales here are ${installed.slice(0, 5).join(", ")}, and none can be made` };
  return { change: { env: { ...settings("et_EE.UTF-8"), LOCPATH: folder } } };
}

async function localesOf({ environment }: Machine): Promise<string[]> {
  // Where programs look first, and `locale -a` does not.
  const folders = (environment.LOCPATH ?? "").split(delimiter).filter(Boolean);
  const named = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
  try {
    const { stdout } = await run(["locale", "-a"], { env: environment });
    return [...named.flat(), ...stdout.split("\n").filter(Boolean)];
  } catch {
    return named.flat();
  }
}

/** Memory, when it can hold the tree and what a build adds to it, and programs can be started from it. */
async function prepareFileOrder({ machine, sources, folder: workshopFolder, onClean }: Workshop): Promise<Prepared> {
  if (machine.platform !== "linux") return { unavailable: "there is no second file system" };
  const space = await statfs("/dev/shm").catch(() => undefined);
  if (!space) return { unavailable: "there is no /dev/shm" };
  const free = space.bavail * space.bsize;
  const needed = 3 * sources.bytes + 256 * 1024 * 1024;
  if (free < needed)
    return {
      unavailable: `/dev/shm has ${Math.round(free / 2 ** 20)} MiB, and ${Math.round(needed / 2 ** 20)} are wanted`,
    };
  const folder = await mkdtemp(`/dev/shm/${basename(dirname(workshopFolder))}-`).catch(() => undefined);
  if (!folder) return { unavailable: "/dev/shm cannot be written" };
  onClean(() => removeFolder(folder));
  const script = join(folder, "try");
  await writeFile(script, "#!/bin/sh\n", { mode: 0o700 });
  const starts = await machine.works(script);
  await rm(script);
  if (starts !== true) return { unavailable: "programs cannot be started from /dev/shm" };
  await mkdir(join(folder, "root"));
  return { change: { otherFileSystem: join(folder, "root") } };
}
