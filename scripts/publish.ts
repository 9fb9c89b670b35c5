/**
 * Turns `dist/<action>` of the present commit into the next commit of that action's own repository: on the branch `v<major>`,
 * with the tag `v<version>`. The same commit of this repository gives the same tree on every machine, so anyone can compare.
 *
 *   node scripts/publish.ts [action ...]              says what would be published; all actions that have a version by default
 *     --remote <url>      the repository, `{action}` in it is replaced; without it, nothing is known of earlier releases
 *     --push              pushes there, and reads back what has arrived
 *     --list              says nothing but one line `<action> <tag> <tree> <commit>` for each release that is not published yet
 *     --output <folder>   writes <action>.bundle for `git fetch` and <action>-<version>.tar, for a job that pushes without this code
 *
 * `v1` is a branch and never a tag: a name that is both is ambiguous, and a branch moves by fast-forward only, so that no
 * published commit is ever lost. A tag, once there, keeps its tree.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { actionNames } from "./action-names.ts";
import { git, gitText, releaseTree, type TreeFile, treeHash } from "./release-tree.ts";

/** What one action's next release is, before anything is written. */
export interface Release {
  action: string;
  version: string;
  /** The commit of this repository that it is made from, and its date in seconds since 1970. */
  source: string;
  date: number;
  files: TreeFile[];
  /** The name that git will give the tree. */
  tree: string;
}

/** What the action's own repository has. */
interface Remote {
  /** The tip of the branch, if there is one. */
  tip: string | undefined;
  /** Commits by tag. */
  tags: Map<string, string>;
}

/** A release as commit objects in a repository of its own. */
export interface Prepared extends Release {
  branch: string;
  tag: string;
  commit: string;
  parent: string | undefined;
  /** Whether the remote has this version, with this tree. */
  published: boolean;
}

const identity = { name: "GOATnote Autonomous Research Lab Initiative", email: "info@thegoatnote.com" };

const parts = (version: string): [number, number, number] | undefined => {
  const [, ...numbers] = /^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.exec(version) ?? [];
  return numbers.length === 3 ? (numbers.map(Number) as [number, number, number]) : undefined;
};

const rises = (from: [number, number, number], to: [number, number, number]): boolean => {
  const differs = from.findIndex((number, i) => number !== to[i]);
  return differs >= 0 && (to[differs] as number) > (from[differs] as number);
};

/**
 * The release of an action at the commit that is checked out.
 * @throws Error when `dist/` or the version is not committed, or there is no version
 */
export function plan(root: string, action: string): Release {
  const dirty = gitText(root, [
    "status",
    "--porcelain",
    "--ignored",
    "--untracked-files=all",
    "--",
    `dist/${action}`,
    `actions/${action}/package.json`,
  ]);
  if (dirty) throw new Error(`${action}: not everything is committed; only a commit is published:\n${dirty}`);
  const [source = "", date] = gitText(root, ["show", "--no-patch", "--format=%H %ct", "HEAD"]).split(" ");
  const { version = "" } = JSON.parse(gitText(root, ["show", `${source}:actions/${action}/package.json`]));
  if (!parts(version) || version === "0.0.0")
    throw new Error(`${action}: actions/${action}/package.json has no released version; see RELEASING.md.`);
  const files = releaseTree(root, source, action);
  return { action, version, source, date: Number(date), files, tree: treeHash(files) };
}

function read(remote: string, branch: string): Remote {
  const heads = gitText(".", ["ls-remote", remote, `refs/heads/${branch}`, "refs/tags/*"]);
  const refs = new Map(
    heads
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("\t").reverse() as [string, string]),
  );
  const tags = [...refs].filter(([ref]) => ref.startsWith("refs/tags/") && !ref.endsWith("^{}"));
  return {
    tip: refs.get(`refs/heads/${branch}`),
    tags: new Map(tags.map(([ref, hash]) => [ref.slice("refs/tags/".length), refs.get(`${ref}^{}`) ?? hash])),
  };
}

/**
 * Writes the release as objects into the empty bare repository `workshop`, on top of what the remote has.
 * @param remote where earlier releases are; undefined for none
 * @throws Error when the version does not rise, the tag has another tree or is not on the branch, or the tree is not the one predicted
 */
export function prepare(release: Release, workshop: string, remote?: string): Prepared {
  const { action, version, source, date, files, tree } = release;
  const numbers = parts(version) as [number, number, number];
  const [branch, tag] = [`v${numbers[0]}`, `v${version}`];
  const { tip, tags } =
    remote === undefined ? { tip: undefined, tags: new Map<string, string>() } : read(remote, branch);
  if (tags.has(branch))
    throw new Error(
      `${action}: ${remote} has a tag ${branch}, and ${branch} is the branch that moves. Delete the tag.`,
    );
  if (remote !== undefined && tip !== undefined)
    git(workshop, ["fetch", "--quiet", "--no-tags", remote, `refs/heads/${branch}`]);

  const there = tags.get(tag);
  if (there !== undefined) {
    git(workshop, ["fetch", "--quiet", "--no-tags", remote as string, `refs/tags/${tag}`]);
    const theirs = gitText(workshop, ["rev-parse", `${there}^{tree}`]);
    if (theirs !== tree)
      throw new Error(
        `${action}: ${tag} is published with the tree ${theirs}, and this one is ${tree}. A tag never changes; raise the version.`,
      );
    if (tip === undefined || !gitText(workshop, ["rev-list", tip]).split("\n").includes(there))
      throw new Error(
        `${action}: ${tag} is published, and the branch ${branch} does not have its commit ${there}. Bring it there with git push, or raise the version.`,
      );
    return { ...release, branch, tag, commit: there, parent: undefined, published: true };
  }
  for (const each of tags.keys()) {
    const other = parts(each);
    if (other && other[0] === numbers[0] && !rises(other, numbers))
      throw new Error(`${action}: ${tag} does not rise above ${each}, which is published.`);
  }

  const scratch = join(workshop, "contents");
  mkdirSync(scratch);
  for (const [i, { content }] of files.entries()) writeFileSync(join(scratch, String(i)), content);
  const paths = files.map((_, i) => join(scratch, String(i)));
  const hashes = gitText(workshop, ["hash-object", "-w", "--no-filters", "--stdin-paths"], { input: paths.join("\n") });
  const index = hashes.split("\n").map((hash, i) => `${files[i]?.mode} ${hash}\t${files[i]?.path}`);
  git(workshop, ["read-tree", "--empty"]);
  git(workshop, ["update-index", "--index-info"], { input: `${index.join("\n")}\n` });
  const written = gitText(workshop, ["write-tree"]);
  if (written !== tree) throw new Error(`${action}: git wrote the tree ${written}, and ${tree} was predicted.`);

  const commit = gitText(workshop, ["commit-tree", tree, ...(tip ? ["-p", tip] : [])], {
    input: `${action} ${tag}\n\nSource: goatnote/actions@${source}\n`,
    env: Object.fromEntries(
      ["AUTHOR", "COMMITTER"].flatMap((role) => [
        [`GIT_${role}_NAME`, identity.name],
        [`GIT_${role}_EMAIL`, identity.email],
        [`GIT_${role}_DATE`, `@${date} +0000`],
      ]),
    ),
  });
  git(workshop, ["update-ref", `refs/heads/${branch}`, commit]);
  git(workshop, ["update-ref", `refs/tags/${tag}`, commit]);
  return { ...release, branch, tag, commit, parent: tip, published: false };
}

/**
 * Pushes branch and tag, both or neither, and reads back what the remote has then. The branch only moves forward.
 * @throws Error when the remote refuses, as when somebody else has published in between, or has another tree afterwards
 */
export function push({ action, branch, tag, commit, tree }: Prepared, workshop: string, remote: string): void {
  const refs = [`${commit}:refs/heads/${branch}`, `${commit}:refs/tags/${tag}`];
  git(workshop, ["push", "--quiet", "--atomic", remote, ...refs]);
  const check = mkdtempSync(join(tmpdir(), "published-"));
  try {
    git(check, ["init", "--quiet", "--bare"]);
    for (const ref of [`refs/heads/${branch}`, `refs/tags/${tag}`]) {
      git(check, ["fetch", "--quiet", "--no-tags", "--depth=1", remote, ref]);
      const arrived = gitText(check, ["rev-parse", "FETCH_HEAD^{tree}"]);
      if (arrived !== tree) throw new Error(`${action}: ${remote} has the tree ${arrived} at ${ref}, and not ${tree}.`);
    }
  } finally {
    rmSync(check, { recursive: true });
  }
}

/** Writes what another job needs to push the release with git alone, and the archive that is attested. */
function write({ action, version, branch, tag, commit, parent }: Prepared, workshop: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const refs = [`refs/heads/${branch}`, `refs/tags/${tag}`, ...(parent ? [`^${parent}`] : [])];
  git(workshop, ["bundle", "create", "--quiet", resolve(folder, `${action}.bundle`), ...refs]);
  const name = `${action}-${version}`;
  git(workshop, ["archive", "--format=tar", `--prefix=${name}/`, `--output=${resolve(folder, `${name}.tar`)}`, commit]);
}

/** What the command line asks for. */
export interface Options {
  actions: string[];
  remote?: string | undefined;
  push?: boolean | undefined;
  output?: string | undefined;
}

/**
 * Publishes, or says what would be. Every action is planned before the first is pushed.
 * @param root of the repository that has `dist/`
 * @returns what was prepared, in the order of the actions
 */
export function publish(root: string, { actions, remote, push: pushes = false, output }: Options): Prepared[] {
  if (pushes && !remote) throw new Error("--push needs --remote <url>, the repository to push to.");
  if (remote && actions.length > 1 && !remote.includes("{action}"))
    throw new Error("--remote needs {action} in it where several actions are published.");
  const folder = mkdtempSync(join(tmpdir(), "publish-"));
  try {
    const urlOf = (action: string): string | undefined => remote?.replaceAll("{action}", action);
    const ready = actions
      .map((action) => plan(root, action))
      .map((release) => {
        const workshop = join(folder, release.action);
        git(folder, ["init", "--quiet", "--bare", workshop]);
        return { workshop, release: prepare(release, workshop, urlOf(release.action)) };
      });
    for (const { workshop, release } of ready.filter(({ release }) => !release.published)) {
      if (output) write(release, workshop, output);
      if (pushes) push(release, workshop, urlOf(release.action) as string);
    }
    return ready.map(({ release }) => release);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      remote: { type: "string" },
      push: { type: "boolean" },
      list: { type: "boolean" },
      output: { type: "string" },
    },
  });
  const root = dirname(import.meta.dirname);
  const unknown = positionals.find((name) => !actionNames().includes(name));
  try {
    if (unknown) throw new Error(`there is no action ${unknown}; there are ${actionNames().join(", ")}.`);
    const actions = positionals.length > 0 ? positionals : actionNames().filter((name) => hasVersion(root, name));
    if (actions.length === 0) throw new Error("no action has a version yet; see RELEASING.md.");
    for (const { action, tag, branch, tree, commit, published } of publish(root, { actions, ...values })) {
      if (values.list) {
        if (!published) console.log(`${action} ${tag} ${tree} ${commit}`);
        continue;
      }
      const state = published ? "is published" : values.push ? `pushed, and ${branch} with it` : "would be published";
      console.log(`${action} ${tag} ${state}\n  tree ${tree}\n  commit ${commit}`);
    }
    if (!values.push && !values.list) console.log("Nothing was pushed; --push does it.");
  } catch (error) {
    const { message, stderr } = error as Error & { stderr?: Buffer };
    console.error(`publish: ${stderr?.length ? `${message.split("\n")[0]}\n${stderr}` : message}`);
    process.exitCode = 1;
  }
}

function hasVersion(root: string, action: string): boolean {
  const file = join(root, "actions", action, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version?: string }).version !== "0.0.0";
}
