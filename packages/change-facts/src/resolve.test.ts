import { chown, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withoutCredentials } from "./git.ts";
import { newFolder, newRepository, type Repository, shallowClone } from "./repositories.ts";
import { type ResolvedChange, resolveChange } from "./resolve.ts";

const ZERO = "0".repeat(40);
const ABSENT = "1".repeat(40);

async function commitFile(repo: Repository, name: string, content = `${name}\n`): Promise<string> {
  await writeFile(join(repo.path, name), content);
  return repo.commit(name);
}

/** `main` with a, b, c; `topic`, which left main after a, with t and u; and GitHub's merge of both. */
async function project() {
  const origin = await newRepository();
  const a = await commitFile(origin, "a");
  await origin.git("checkout", "--quiet", "-b", "topic");
  const t = await commitFile(origin, "t");
  const u = await commitFile(origin, "u");
  await origin.git("checkout", "--quiet", "main");
  const b = await commitFile(origin, "b");
  const c = await commitFile(origin, "c");
  await origin.git("checkout", "--quiet", "--detach", "main");
  await origin.git("-c", "user.name=GitHub", "merge", "--quiet", "--no-ff", "--no-edit", "topic");
  const merge = await origin.git("rev-parse", "HEAD");
  await origin.git("update-ref", "refs/pull/1/merge", "HEAD");
  await origin.git("checkout", "--quiet", "main");
  return { origin, a, b, c, t, u, merge };
}

function known(change: ResolvedChange) {
  if (change.kind === "unknown") throw new Error(`The change is not known: ${change.reason}`);
  return { base: change.base, head: change.head, files: change.files.map((file) => file.path), author: change.author };
}

async function reasonOf(change: Promise<ResolvedChange>): Promise<string> {
  const resolved = await change;
  return resolved.kind === "unknown" ? resolved.reason : `known: ${JSON.stringify(resolved)}`;
}

test("a pull request is the difference to the merge base, in a full and in a shallow clone", async () => {
  const { origin, a, c, u } = await project();
  const event = { name: "pull_request", base: c, head: u };
  const expected = { base: a, head: u, files: ["t", "u"], author: "Ada" };
  expect(known(await resolveChange(origin.path, event))).toEqual(expected);
  const clone = await shallowClone(origin, "refs/heads/topic");
  expect(known(await resolveChange(clone.path, event))).toEqual(expected);
});

test("a merge base further back than the clone is found by deepening", async () => {
  const origin = await newRepository();
  const root = await commitFile(origin, "a");
  await origin.git("checkout", "--quiet", "-b", "topic");
  const head = await commitFile(origin, "t");
  await origin.git("checkout", "--quiet", "main");
  let base = await origin.git("rev-parse", "main");
  const tree = await origin.git("rev-parse", "main^{tree}");
  for (let i = 0; i < 60; i++) base = await origin.git("commit-tree", "-p", base, "-m", `empty ${i}`, tree);
  await origin.git("update-ref", "refs/heads/main", base);
  const clone = await shallowClone(origin, "refs/heads/topic");
  const change = known(await resolveChange(clone.path, { name: "pull_request", base, head }));
  expect(change).toMatchObject({ base: root, files: ["t"] });
});

test.each(["full", "shallow"])(
  "GitHub's merge of a pull request is its own difference to its target (%s)",
  async (depth) => {
    const { origin, a, c, u, merge } = await project();
    const clone = await shallowClone(origin, "refs/pull/1/merge", depth === "full" ? 100 : 1);
    // The event's base may be older than what GitHub merged with.
    const change = known(await resolveChange(clone.path, { name: "pull_request", base: a, head: u }));
    expect(change).toMatchObject({ base: c, head: merge, files: ["t", "u"] });
  },
);

test("a push is the difference to the commit before, in a full and in a shallow clone", async () => {
  const { origin, a, c } = await project();
  const event = { name: "push", before: a, head: c };
  const expected = { base: a, head: c, files: ["b", "c"], author: "Ada" };
  expect(known(await resolveChange(origin.path, event))).toEqual(expected);
  const clone = await shallowClone(origin, "refs/heads/main");
  expect(known(await resolveChange(clone.path, event))).toEqual(expected);
  expect(await clone.git("rev-parse", "--is-shallow-repository")).toBe("true");
});

test("a new branch, and an event without a change, is the difference to the parent", async () => {
  const { origin, b, c, merge } = await project();
  const clone = await shallowClone(origin, "refs/heads/main");
  expect(known(await resolveChange(clone.path, { name: "push", before: ZERO }))).toMatchObject({
    base: b,
    head: c,
    files: ["c"],
  });
  expect(known(await resolveChange(origin.path, { name: "workflow_dispatch" }))).toMatchObject({
    base: b,
    files: ["c"],
  });
  expect(known(await resolveChange(origin.path, { name: "schedule", head: merge }))).toMatchObject({
    base: c,
    files: ["t", "u"],
  });
});

test("a schedule is the difference to the commit of the previous run", async () => {
  const { origin, a, c } = await project();
  const clone = await shallowClone(origin, "refs/heads/main");
  const change = known(await resolveChange(clone.path, { name: "schedule", previous: a }));
  expect(change).toMatchObject({ base: a, head: c, files: ["b", "c"] });
});

test("a first commit is the difference to nothing", async () => {
  const { origin, a } = await project();
  expect(known(await resolveChange(origin.path, { name: "push", before: ZERO, head: a }))).toMatchObject({
    base: null,
    files: ["a"],
  });
});

test("a forced push whose former commit is gone is unknown, with the reason and the fix", async () => {
  const { origin } = await project();
  const gone = await commitFile(origin, "gone");
  await origin.git("reset", "--quiet", "--hard", "HEAD~1");
  const head = await commitFile(origin, "instead");
  const clone = await shallowClone(origin, "refs/heads/main");
  // The host may still have the commit; then the change is known.
  expect(known(await resolveChange(clone.path, { name: "push", before: gone, head }))).toMatchObject({
    base: gone,
    files: ["gone", "instead"],
  });
  const complete = await shallowClone(origin, "refs/heads/main", 100);
  known(await resolveChange(complete.path, { name: "push", before: gone, head }));
  expect(await complete.git("rev-parse", "--is-shallow-repository")).toBe("false");
  await origin.git("reflog", "expire", "--expire=now", "--all");
  await origin.git("gc", "--quiet", "--prune=now");
  for (const place of [origin, await shallowClone(origin, "refs/heads/main")]) {
    const reason = await reasonOf(resolveChange(place.path, { name: "push", before: gone, head }));
    expect(reason).toContain(
      `The commit before this push, which a forced push may have removed, (${gone}) is not in this clone`,
    );
    expect(reason).toContain("set `fetch-depth: 0` in actions/checkout");
  }
});

test("histories that share nothing are unknown", async () => {
  const { origin, c } = await project();
  await origin.git("checkout", "--quiet", "--orphan", "island");
  const island = await origin.commit("island");
  for (const place of [origin, await shallowClone(origin, "refs/heads/island")]) {
    const reason = await reasonOf(resolveChange(place.path, { name: "pull_request", base: c, head: island }));
    expect(reason).toBe(`${c} and ${island} have no common ancestor`);
  }
});

test("without a way to the origin the reason says so, without its password", async () => {
  const { origin, a } = await project();
  const clone = await shallowClone(origin, "refs/heads/main");
  // Nothing listens on port 9 of loopback.
  await clone.git("remote", "set-url", "origin", "http://ada:s3cr3t-p4ss@127.0.0.1:9/x.git");
  const reason = await reasonOf(resolveChange(clone.path, { name: "push", before: a }));
  expect(reason).toMatch(
    /is not in this clone and could not be fetched; set `fetch-depth: 0` in actions\/checkout\. git fetch failed/,
  );
  expect(reason).not.toMatch(/s3cr3t|ada:/);
});

test("a folder that is no repository, and one without commits, are unknown", async () => {
  const folder = await newFolder();
  expect(await reasonOf(resolveChange(folder, { name: "push" }))).toBe(
    `${folder} is not a git repository; run actions/checkout first`,
  );
  const empty = await newRepository();
  expect(await reasonOf(resolveChange(empty.path, { name: "push" }))).toBe(`${empty.path} has no commit yet`);
  expect(await reasonOf(resolveChange(join(folder, "not-there"), { name: "push" }))).toContain(
    "git could not be started",
  );
});

test.skipIf(process.getuid?.() !== 0)(
  "a repository of another user is unknown, and the reason names the fix",
  async () => {
    const { origin } = await project();
    await chown(origin.path, 65534, 65534);
    await chown(join(origin.path, ".git"), 65534, 65534);
    expect(await reasonOf(resolveChange(origin.path, { name: "push" }))).toContain(
      `git config --global --add safe.directory ${origin.path}`,
    );
  },
);

test.each([{ before: "--upload-pack=touch x" }, { head: "-x" }, { base: "HEAD" }, { before: "main; rm -rf" }])(
  "%j is unknown and reaches no command line",
  async (fields) => {
    const { origin } = await project();
    expect(await reasonOf(resolveChange(origin.path, { name: "push", ...fields }))).toContain(
      "is not the full id of a commit",
    );
  },
);

test("an event that lacks its commits is unknown", async () => {
  const { origin, c } = await project();
  expect(await reasonOf(resolveChange(origin.path, { name: "pull_request", head: c }))).toContain(
    "names no base commit",
  );
  expect(await reasonOf(resolveChange(origin.path, { name: "pull_request", base: ABSENT, head: c }))).toContain(
    "The base of the pull request",
  );
});

test("credentials are taken out of any URL", () => {
  expect(withoutCredentials("at https://x:y@z@host/p and ssh://git@h:22/q, 'ftp://u@h'")).toBe(
    "at https://host/p and ssh://h:22/q, 'ftp://h'",
  );
});
