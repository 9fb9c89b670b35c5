import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getBlob, putBlob, results } from "./results.ts";
import type { StandIn, StandInCall } from "./stand-in.ts";

const inputs = { path: "", key: "" };
const restoreInputs = { ...inputs, "restore-keys": "", "fail-on-cache-miss": "false", "lookup-only": "false" };

/** actions/cache: restores, and saves at the end of the job when there was no exact hit. */
export const cache: StandIn = {
  inputs: restoreInputs,
  async main(call) {
    if (!(await restore(call))) call.post(() => (call.job.status === "success" ? save(call) : Promise.resolve()));
  },
};
export const restoreCache: StandIn = { inputs: restoreInputs, main: async (call) => void (await restore(call)) };
export const saveCache: StandIn = { inputs, main: save };

const lines = (value: string) =>
  value
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
const version = (path: string) =>
  createHash("sha256")
    .update(`rehearsal\n${lines(path).join("\n")}`)
    .digest("hex");

async function restore({ input, job, log, output }: StandInCall): Promise<boolean> {
  const key = input("key");
  const request = { key, restore_keys: lines(input("restore-keys")), version: version(input("path")) };
  const answer = await results(job, "CacheService", "GetCacheEntryDownloadURL", request);
  output("cache-primary-key", key);
  output("cache-hit", answer.ok ? String(answer.matched_key === key) : "");
  if (!answer.ok) {
    if (input("fail-on-cache-miss") === "true") throw new Error(`Failed to restore cache entry. Input key: ${key}`);
    log(`Cache not found for input keys: ${[key, ...request.restore_keys].join(", ")}`);
    return false;
  }
  output("cache-matched-key", answer.matched_key!);
  if (input("lookup-only") !== "true") {
    const archive = join(job.temp, `${randomUUID()}.tar`);
    writeFileSync(archive, (await getBlob(answer.signed_download_url!)).content);
    execFileSync("tar", ["-xPf", archive, "-C", job.workspace]);
    rmSync(archive);
  }
  log(`Cache restored from key: ${answer.matched_key}`);
  return answer.matched_key === key;
}

async function save({ input, job, log, warn }: StandInCall): Promise<void> {
  const [key, path] = [input("key"), input("path")];
  const home = (line: string) => line.replace(/^~(?=\/|$)/, job.machine.HOME ?? "~");
  const files = lines(path).flatMap((line) => globSync(home(line), { cwd: job.workspace }));
  if (files.length === 0)
    return warn(`Path Validation Error: Path(s) specified in the action for caching do(es) not exist.`);
  const archive = join(job.temp, `${randomUUID()}.tar`);
  execFileSync("tar", ["-cPf", archive, "-C", job.workspace, ...files]);
  const content = readFileSync(archive);
  rmSync(archive);
  const entry = { key, version: version(path) };
  try {
    const { signed_upload_url } = await results(job, "CacheService", "CreateCacheEntry", entry);
    await putBlob(signed_upload_url!, content, "application/octet-stream");
    await results(job, "CacheService", "FinalizeCacheEntryUpload", { ...entry, size_bytes: String(content.length) });
    log(`Cache saved with key: ${key}`);
  } catch (error) {
    warn(`Failed to save: ${(error as Error).message}`);
  }
}
