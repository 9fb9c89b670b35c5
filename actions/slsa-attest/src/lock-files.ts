/** Lock files of the commit as dependencies of the build: what a package manager took, by the digest of the file that fixes it. */
import { createHash } from "node:crypto";
import { say, UserError } from "@goatnote/action-io";
import type { Claims, ResourceDescriptor } from "@goatnote/attestation";
import type { GitError } from "@goatnote/change-facts";

/** What is looked for at the root of the repository, where nothing else is asked for. */
const lockFileNames = [
  ...["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "deno.lock"],
  ...["Cargo.lock", "go.sum"],
  ...["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "requirements.txt"],
  ...["conda-lock.yml", "pixi.lock", "renv.lock", "Manifest.toml"],
  ...["Gemfile.lock", "composer.lock", "gradle.lockfile", "packages.lock.json", "Package.resolved"],
  "flake.lock",
];

/**
 * The lock files of the commit that is attested, read from git and not from the disk, which the build may have changed.
 * @param wanted `auto`, `none`, or paths from the repository's root
 * @param workspace a checkout of that commit; with `auto` anything else has no lock files
 * @throws UserError when a named file is not in the commit
 */
export async function lockFiles(
  wanted: readonly string[],
  workspace: string,
  { sha, repository, ref }: Claims,
  server: string,
): Promise<ResourceDescriptor[]> {
  if (wanted[0] === "none") return [];
  const { fileAt, rootFiles } = await import("@goatnote/change-facts");
  const isAuto = wanted[0] === "auto";
  const present = isAuto ? await rootFiles(workspace, sha).catch((error: GitError) => why(error)) : [];
  const names = isAuto ? lockFileNames.filter((name) => present.includes(name)) : wanted;
  const found: ResourceDescriptor[] = [];
  for (const name of names) {
    const content = await fileAt(workspace, sha, name).catch((error: GitError) => {
      throw new UserError(`\`lock-files\`: ${error.message}`, { cause: error });
    });
    const file = name.split("/").at(-1)!;
    // Without hashes it fixes nothing.
    if (isAuto && file === "requirements.txt" && !/\s--hash[= ]/.test(content.toString())) continue;
    found.push({ name, uri: `git+${server}/${repository}@${ref}#${name}`, digest: digests(content) });
    if (file === "flake.lock") found.push(...(await flakeInputs(name, content)));
  }
  if (found.length > 0)
    say(
      `Of the commit, ${found.map(({ name }) => name).join(", ")} ${found.length === 1 ? "is" : "are"} named as dependencies.`,
    );
  return found;
}

/** That there is no checkout is usual, and its reason is for the debug log of who wonders. */
function why({ message }: GitError): string[] {
  say(`No lock files are looked for: ${message}`);
  return [];
}

/** As it is, and as git names it: https://github.com/in-toto/attestation/blob/main/spec/v1/digest_set.md */
function digests(content: Buffer): Record<string, string> {
  return {
    sha256: createHash("sha256").update(content).digest("hex"),
    gitBlob: createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex"),
  };
}

async function flakeInputs(name: string, content: Buffer): Promise<ResourceDescriptor[]> {
  const { dependenciesOf, lockedInputs } = await import("@goatnote/nix-store");
  try {
    return dependenciesOf({
      inputs: lockedInputs(JSON.parse(content.toString()) as Parameters<typeof lockedInputs>[0]),
    });
  } catch (cause) {
    throw new UserError(`${name} of the commit is no lock file of a flake that can be read.`, { cause });
  }
}
