/** The check as a user who is not root and makes namespaces of their own, as on GitHub's runners. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, expect, test } from "vitest";
import { build as buildActions } from "../../scripts/build.ts";
import { type Ended, runEntry } from "../loop/entry.ts";
import { project } from "./check.ts";

const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
const namespaces = ["unshare", "--user", "--map-current-user", "--keep-caps", "--net", "--mount", "true"];
const allowed = process.getuid?.() === 0 && spawnSync(nobody[0]!, [...nobody.slice(1), ...namespaces]).status === 0;

let actions: string;
let remove = (): void => {};
beforeAll(async () => {
  actions = await buildActions();
});
afterEach(() => remove());

/** What the action is given belongs to `nobody`, and the action runs as `nobody`. */
async function check(build: string, inputs: Record<string, string> = {}): Promise<Ended> {
  const { folder, remove: removeProject } = project({ a: "a\n", b: "b\n" });
  remove = removeProject;
  for (const args of [
    ["init", "--quiet"],
    ["add", "--all"],
  ])
    execFileSync("git", args, { cwd: folder });
  const base = dirname(folder);
  const home = join(base, "home");
  for (const path of [home, `${folder}_temp`]) mkdirSync(path);
  execFileSync("chown", ["-R", "65534:65534", base]);
  const before = process.umask(0);
  try {
    const as = [...nobody, "bash", "-c", 'umask 0022; exec "$@"', "as"];
    const all = { build, artifacts: "out", bisect: "false", ...inputs };
    return await runEntry(actions, "repro-check", all, folder, { HOME: home }, as);
  } finally {
    process.umask(before);
  }
}

test.skipIf(!allowed)("a build has no privilege, owns its files, and all is varied", { timeout: 120_000 }, async () => {
  const { outputs, log } = await check(
    'grep -q \'^CapEff:.*0000000000000000$\' /proc/self/status; [ "$(stat -c %u a)" = "$(id -u)" ]; cat a b > out',
  );
  expect(outputs.verdict, log).toBe("identical");
  for (const name of ["path", "user", "hostname", "network", "kernel", "file-order"])
    expect(outputs.varied!.split(",")).toContain(name);
});

test.skipIf(!allowed)("what is left in /tmp serves no other build", { timeout: 120_000 }, async () => {
  const file = `/tmp/repro-check-nobody-${process.pid}`;
  const { outputs, log } = await check(`[ -e ${file} ] || date +%N > ${file}; cp ${file} out`, { vary: "none" });
  expect(outputs.verdict, log).toBe("different");
});

test.skipIf(!allowed)("a daemon that hides is found and ended", { timeout: 120_000 }, async () => {
  const daemon = "env -i setsid sleep 1071 < /dev/null > /dev/null 2>&1 & sleep 1";
  const { outputs, log } = await check(`echo x > out; cd /; ${daemon}`, { vary: "none" });
  expect(log).toContain("left processes running (sleep)");
  expect(outputs.verdict).toBe("not-checked");
  expect(spawnSync("pgrep", ["-f", "sleep 1071"]).status).not.toBe(0);
});
