/**
 * Writers that append to one repository at the same time: our ref store (one file per job, a condition on the push, random
 * waits) against the loop that most actions have: fetch, rebase, push, with all results in one shared file.
 * Usage: node benchmarks/ref-store.ts [writers ...]
 */
import { execFile } from "node:child_process";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { encodeSegment, HISTORY_REF, refStore, segmentPath } from "@goatnote/ci-history";
import { largeRun, sampleGit } from "../packages/ci-history/src/ref-store-sample.ts";

const folder = await mkdtemp(join(tmpdir(), "benchmark-"));
const environment = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
const asOne = Object.fromEntries(
  ["AUTHOR", "COMMITTER"].flatMap((role) => [
    [`GIT_${role}_NAME`, "x"],
    [`GIT_${role}_EMAIL`, "x@y"],
  ]),
);
const git = async (cwd: string, ...args: string[]): Promise<string> =>
  (await promisify(execFile)("git", args, { cwd, env: { ...environment, ...asOne } })).stdout;

/** What a writer did: the tries it took, and whether its result is there. */
interface Written {
  tries: number;
  landed: boolean;
}

async function newHost(): Promise<string> {
  const host = await mkdtemp(join(folder, "host-"));
  await git(host, "init", "--quiet", "--bare", "--initial-branch=results");
  for (const [key, value] of Object.entries({ "uploadpack.allowFilter": "true", "gc.auto": "0" }))
    await git(host, "config", key, value);
  // Some results are there already.
  const seed = await mkdtemp(join(folder, "seed-"));
  await git(seed, "init", "--quiet", "--initial-branch=results");
  await writeFile(join(seed, "data.ndjson"), "{}\n");
  await git(seed, "add", ".");
  await git(seed, "commit", "--quiet", "-m", "seed");
  await git(seed, "push", "--quiet", pathToFileURL(host).href, "results");
  return host;
}

async function ours(host: string, id: number): Promise<Written> {
  let tries = 0;
  const options = {
    url: pathToFileURL(host).href,
    ref: HISTORY_REF,
    onAttempt: (count: number) => {
      tries = count;
    },
  };
  const store = refStore(sampleGit(await mkdtemp(join(folder, "private-"))), options);
  const run = largeRun(id);
  const landed = await store.append(segmentPath(run), encodeSegment(run)).then(
    () => true,
    () => false,
  );
  return { tries, landed };
}

// github-action-benchmark tries ten times; a rebase that conflicts, as two lines at one end do, starts from the new tip.
const mostTries = 10;
const line = (id: number) => `{"run":${id}}\n`;

async function sharedFile(host: string, id: number): Promise<Written> {
  const clone = await mkdtemp(join(folder, "clone-"));
  await git(clone, "clone", "--quiet", pathToFileURL(host).href, ".");
  const add = async () => {
    await appendFile(join(clone, "data.ndjson"), line(id));
    await git(clone, "commit", "--quiet", "--all", "-m", `run ${id}`);
  };
  await add();
  for (let tries = 1; tries <= mostTries; tries += 1) {
    try {
      await git(clone, "push", "--quiet", "origin", "results");
      return { tries, landed: true };
    } catch {
      await git(clone, "fetch", "--quiet", "origin");
      await git(clone, "rebase", "--quiet", "origin/results").catch(async () => {
        await git(clone, "rebase", "--abort");
        await git(clone, "reset", "--quiet", "--hard", "origin/results");
        await add();
      });
    }
  }
  return { tries: mostTries, landed: false };
}

async function measure(writers: number, write: typeof ours): Promise<{ seconds: number; told: string }> {
  const host = await newHost();
  const start = performance.now();
  const done = await Promise.all(Array.from({ length: writers }, (_, id) => write(host, id)));
  const seconds = (performance.now() - start) / 1000;
  const tries = done.map((each) => each.tries);
  const landed = done.filter((each) => each.landed).length;
  const sum = tries.reduce((total, each) => total + each, 0);
  const told = `${landed} of ${writers} landed, ${sum} pushes, at most ${Math.max(...tries)} by one, ${seconds.toFixed(1)} s`;
  return { seconds, told };
}

try {
  const counts = process.argv.slice(2).map(Number);
  for (const writers of counts.length > 0 ? counts : [5, 20, 50]) {
    const own = await measure(writers, ours);
    const peer = await measure(writers, sharedFile);
    console.log(`${writers} writers`);
    console.log(`  ref store:              ${own.told}`);
    console.log(`  fetch, rebase and push: ${peer.told}`);
    console.log(`  ratio of time:          ${(own.seconds / peer.seconds).toFixed(2)}`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
