/** The check as a user who is not root: with namespaces of their own, and with `sudo`, as on GitHub's runners. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { build as buildActions } from "../../scripts/build.ts";
import { type Ended, runEntry } from "../loop/entry.ts";
import { describeWithPeer } from "../peers.ts";
import { project } from "./check.ts";

const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
const namespaces = ["unshare", "--user", "--map-current-user", "--keep-caps", "--net", "--mount", "true"];
const allowed = process.getuid?.() === 0 && spawnSync(nobody[0]!, [...nobody.slice(1), ...namespaces]).status === 0;

let actions: string;
let remove = (): void => {};
let workspaceTemp: string;
beforeAll(async () => {
  actions = await buildActions();
});
afterEach(() => remove());

interface As {
  env?: Record<string, string>;
  /** What starts the action, before it becomes `nobody`. */
  through?: readonly string[];
}

/** What the action is given belongs to `nobody`, and the action runs as `nobody`. */
async function check(
  build: string,
  inputs: Record<string, string> = {},
  { env = {}, through = [] }: As = {},
): Promise<Ended> {
  const { folder, remove: removeProject } = project({ a: "a\n", b: "b\n" });
  remove = removeProject;
  for (const args of [
    ["init", "--quiet"],
    ["add", "--all"],
  ])
    execFileSync("git", args, { cwd: folder });
  const base = dirname(folder);
  const home = join(base, "home");
  workspaceTemp = `${folder}_temp`;
  for (const path of [home, workspaceTemp]) mkdirSync(path);
  execFileSync("chown", ["-R", "65534:65534", base]);
  const before = process.umask(0);
  try {
    const as = [...through, ...nobody, "bash", "-c", 'umask 0022; exec "$@"', "as"];
    const all = { build, artifacts: "out", bisect: "false", ...inputs };
    return await runEntry(actions, "repro-check", all, folder, { HOME: home, ...env }, as);
  } finally {
    process.umask(before);
  }
}

test.skipIf(!allowed)("a build has no privilege, owns its files, and all is varied", async () => {
  const { outputs, log } = await check(
    'grep -q \'^CapEff:.*0000000000000000$\' /proc/self/status; [ "$(stat -c %u a)" = "$(id -u)" ]; cat a b > out',
  );
  expect(outputs.verdict, log).toBe("identical");
  for (const name of ["path", "user", "hostname", "network", "kernel", "file-order"])
    expect(outputs.varied!.split(",")).toContain(name);
});

test.skipIf(!allowed)("what is left in /tmp serves no other build", async () => {
  const file = `/tmp/repro-check-nobody-${process.pid}`;
  const { outputs, log } = await check(`[ -e ${file} ] || date +%N > ${file}; cp ${file} out`, { vary: "none" });
  expect(outputs.verdict, log).toBe("different");
});

test.skipIf(!allowed)("a daemon that hides is found and ended", async () => {
  const daemon = "env -i setsid sleep 1071 < /dev/null > /dev/null 2>&1 & sleep 1";
  const { outputs, log } = await check(`echo x > out; cd /; ${daemon}`, { vary: "none" });
  expect(log).toContain("left processes running (sleep)");
  expect(outputs.verdict).toBe("not-checked");
  expect(spawnSync("pgrep", ["-f", "sleep 1071"]).status).not.toBe(0);
});

test.skipIf(!allowed)("a build that fails in a user namespace is told so", async () => {
  const { log } = await check("false", { vary: "none" });
  expect(log).toContain("in a user namespace, where sudo and setuid programs do nothing");
});

// In a mount namespace of the test, which the rest of the machine does not see.
const withSudoers = (file: string): string[] => [
  ...["unshare", "--mount", "bash", "-c", 'mount --bind "$1" /etc/sudoers && shift && exec "$@"', "with", file],
];
const sudoers = "Defaults env_reset\nnobody ALL=(ALL:ALL) NOPASSWD: ALL\n";
const hasSudo = ((): boolean => {
  if (!allowed) return false;
  const folder = mkdtempSync(join(tmpdir(), "sudoers-"));
  try {
    const file = join(folder, "sudoers");
    writeFileSync(file, sudoers, { mode: 0o440 });
    const [program, ...args] = [...withSudoers(file), ...nobody, "sudo", "--non-interactive", "true"];
    return spawnSync(program!, args).status === 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
})();

describeWithPeer("sudo", () => {
  describe.skipIf(!hasSudo)("for a user", () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "sudo-"));
      execFileSync("chmod", ["755", folder]);
      writeFileSync(join(folder, "sudoers"), sudoers, { mode: 0o440 });
      mkdirSync(join(folder, "rs"));
      // Which keeps no variable, whatever it is asked for.
      const rs = '#!/bin/sh\nexec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /usr/bin/sudo "$@"\n';
      writeFileSync(join(folder, "rs/sudo"), rs, { mode: 0o755 });
    });
    afterAll(() => rmSync(folder, { recursive: true }));
    const wanted = {
      PYTHONPATH: "/nowhere/python",
      PERL5LIB: "/nowhere/perl",
      RUBYOPT: "-W0",
      JAVA_TOOL_OPTIONS: "-Dx=y",
      LD_LIBRARY_PATH: "/nowhere/lib",
      TERMINFO: "/nowhere/terminfo",
      SOURCE_DATE_EPOCH: "1700000000",
      LINES_OF_TEXT: "one\ntwo",
    };
    const seen = [
      ...Object.entries(wanted).map(([name, value]) => `[ "$${name}" = $'${value.replaceAll("\n", "\\n")}' ]`),
      '[ "$GITHUB_REPOSITORY" = octo/lab ]; [ -n "$REPRO_CHECK_BUILD" ]; [ -z "${SUDO_USER-}" ]',
      '[ -w "$RUNNER_TEMP" ]; [ -w "$XDG_CACHE_HOME" ]; [ "$(stat -c %u a)" = "$(id -u)" ]',
    ].join("\n");
    const as = (sudo: string): As => ({
      env: { ...wanted, PATH: `${sudo ? `${join(folder, sudo)}:` : ""}${process.env.PATH}` },
      through: withSudoers(join(folder, "sudoers")),
    });

    test.each(["", "rs"])("a build has the step's variables (%s)", async (sudo) => {
      const { outputs, log } = await check(`${seen}\necho "$PYTHONPATH" > out`, {}, as(sudo));
      expect(outputs.verdict, log).toBe("identical");
      for (const name of ["path", "user", "hostname", "network", "kernel", "file-order"])
        expect(outputs.varied!.split(",")).toContain(name);
      expect(log).not.toContain("user namespace");
    });

    test.each([
      [
        "a daemon of root that hides",
        "echo x > out; sudo -n env -i setsid sleep 1072 < /dev/null > /dev/null 2>&1 & sleep 1",
        "left processes running",
      ],
      ["a build that hangs in what root runs", "sudo -n sleep 1072", "did not end in time"],
    ])("%s is ended", async (_, build, words) => {
      const { outputs, log } = await check(build, { vary: "none", timeout: "10s" }, as(""));
      expect(log).toContain(words);
      expect(outputs.verdict).toBe("not-checked");
      expect(spawnSync("pgrep", ["-f", "sleep 1072"]).status).not.toBe(0);
    });

    test("a build may use sudo itself, and what it leaves of root is removed", async () => {
      const left = ["/tmp/of-root", "$TMPDIR/of-root", "$XDG_CACHE_HOME/of-root"];
      const build = [
        'echo "$PWD"',
        `sudo -n mkdir -p ${left.join("/x ")}/x`,
        "sudo -n id -u > out",
        "grep -qx 0 out",
      ].join("\n");
      const { outputs, log } = await check(build, { vary: "path\nfile-order" }, as(""));
      expect(outputs.verdict, log).toBe("identical");
      expect(log).not.toContain("cannot be removed");
      const [base] = /repro-check-\w{6}/.exec(log)!;
      const rest = [workspaceTemp, "/dev/shm"].flatMap((at) => readdirSync(at));
      expect(rest.filter((name) => name.startsWith(base))).toEqual([]);
    });
  });
});
