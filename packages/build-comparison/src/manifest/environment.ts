/** Where and from what a build was made: what tells machines, platforms and inputs apart. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { arch, hostname, release } from "node:os";
import { join } from "node:path";
import { run } from "@goatnote/action-io";
import { scan, slashed } from "./scan.ts";

export interface Environment {
  platform: string;
  arch: string;
  /** Kernel or system release. */
  release: string;
  /** The image of the runner, such as `ubuntu24 20261101.1`; empty where none is known. */
  image: string;
  /** Tells machines apart without naming one: the hash of what changes from one start of a machine to the next. */
  machine: string;
  /** When the build began, ISO 8601. */
  built_at: string;
}

/** What the build was made from. Two manifests with other inputs say nothing about reproducibility. */
export interface Inputs {
  /** The commit, hex, or empty outside of git. */
  commit: string;
  /** `sha256:<hex>` of what differs from the commit, or empty when nothing does. */
  changes: string;
  /** `sha256:<hex>` of the build script, or empty where it is not known. */
  script: string;
}

const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

/**
 * Facts about this machine.
 * @param runner what the runner says about itself: its name and its image, each empty where unknown
 */
export async function environmentOf(runner: { name: string; image: string }): Promise<Environment> {
  // A boot of a machine has its own id; containers of one machine share it, and then their host names tell them apart no better.
  const boot = await bootId();
  return {
    platform: process.platform,
    arch: arch(),
    release: release(),
    image: runner.image,
    machine: sha256(`machine\n${boot || `${hostname()}\n${runner.name}`}`),
    built_at: new Date().toISOString(),
  };
}

async function bootId(): Promise<string> {
  if (process.platform === "linux")
    return (await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "")).trim();
  if (process.platform !== "darwin") return "";
  const { stdout } = await run(["sysctl", "-n", "kern.bootsessionuuid"], { check: false }).catch(() => ({
    stdout: "",
  }));
  return stdout.trim();
}

/**
 * What a folder holds before it is built.
 * @param script the build script; empty where it is not known
 * @param artifacts patterns of what the build makes, which is no input, also where it is committed
 */
export async function inputsOf(folder: string, script: string, artifacts: readonly string[] = []): Promise<Inputs> {
  const git = async (...args: [string, ...string[]]): Promise<string> =>
    (await run(["git", "-C", folder, ...args], { maxOutput: 512 * 1024 * 1024 })).stdout;
  const scriptDigest = script === "" ? "" : sha256(script);
  const made = artifacts.flatMap((pattern) => {
    const path = slashed(pattern).replace(/\/+$/, "");
    return [`:(exclude,glob)${path}`, `:(exclude,glob)${path}/**`];
  });
  const paths = ["--", ":/", ...made] as const;
  try {
    const commit = (await git("rev-parse", "--verify", "HEAD")).trim();
    const status = await git("status", "--porcelain=v1", "-z", "--untracked-files=all", ...paths);
    if (status === "") return { commit, changes: "", script: scriptDigest };
    const difference = await git("diff", "--binary", "--no-ext-diff", "--no-color", "HEAD", ...paths);
    const others = await git("ls-files", "--others", "--exclude-standard", "-z", ...paths);
    const untracked = others.split("\0").filter(Boolean).sort();
    const contents = await scan(
      folder,
      untracked.map((path) => join(folder, path)),
    );
    const hashes = contents.map((entry) => JSON.stringify(entry)).sort();
    return { commit, changes: sha256([status, difference, ...hashes].join("\n")), script: scriptDigest };
  } catch {
    return { commit: "", changes: "", script: scriptDigest };
  }
}
