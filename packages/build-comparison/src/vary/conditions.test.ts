import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commandLine, handedOver, type Privilege } from "./conditions.ts";
import { firstConditions, vary } from "./variations.ts";

const environment = { PATH: "/usr/bin", HOME: "/home/ada", API_KEY: "hunter2" };
const line = (change: Parameters<typeof vary>[1][number], privilege: Privilege): string[] =>
  commandLine(
    vary(firstConditions(false), [change]),
    { root: "/w/build", seenAt: "/w/build", tree: "lab", mounts: [], report: "", variables: "/w/variables" },
    { privilege, identity: { uid: 1001, gid: 127 } },
    environment,
    ["true"],
  );

test("without variations the build is started as it is, in its tree", () => {
  expect(line({}, "root").slice(0, 4)).toEqual(["bash", "--noprofile", "--norc", "-c"]);
  expect(line({}, "root").slice(-3)).toEqual(["", "--", "true"]);
});

test("no value of an unknown variable is on a command line, which everyone can read", () => {
  for (const privilege of ["root", "user-namespace", "sudo"] as const)
    expect(
      line({ hostname: "x", offline: true, faketime: { LD_PRELOAD: "/l.so" } }, privilege).join(" "),
    ).not.toContain("hunter2");
});

test("what was root for a moment gives it up before the build", () => {
  const sudo = line({ hostname: "x" }, "sudo");
  expect(sudo.slice(0, 3)).toEqual(["sudo", "--non-interactive", "unshare"]);
  expect(sudo.join(" ")).toContain("setpriv --reuid=1001 --regid=127 --init-groups");
  expect(sudo.indexOf("setpriv")).toBeGreaterThan(sudo.indexOf("unshare"));
  const user = line({ hostname: "x" }, "user-namespace");
  expect(user.join(" ")).toContain("unshare --user --map-current-user --keep-caps --uts");
  expect(user.join(" ")).toContain("setpriv --inh-caps=-all --ambient-caps=-all true");
  expect(line({ oldKernel: true }, "sudo")).not.toContain("sudo");
});

test("where sudo takes variables away, a build has them all the same, and the file is gone", () => {
  const folder = mkdtempSync(join(tmpdir(), "variables-"));
  const file = join(folder, "variables");
  const wanted = {
    PATH: process.env.PATH!,
    PYTHONPATH: "/p",
    LD_LIBRARY_PATH: "/l",
    BASH_ENV: "/dev/null",
    EMPTY: "",
    TEXT: "two\nlines = $(x) `y` \\ 'é' \u0001 ",
    IFS: "x",
    TMOUT: "1",
    LC_ALL: "nowhere.UTF-8",
    SHELLOPTS: "braceexpand",
    "with-dash": "1",
    "BASH_FUNC_greet%%": "() {  echo hi\n}",
    BIG: "x".repeat(1000),
  };
  try {
    const conditions = vary(firstConditions(false), [{ hostname: "x" }]);
    writeFileSync(file, handedOver({ ...wanted, PWD: "/gone" }, conditions));
    const all = commandLine(
      conditions,
      { root: "/w/build", seenAt: "/w/build", tree: "lab", mounts: [], report: "", variables: file },
      { privilege: "sudo", identity: { uid: 1001, gid: 127 } },
      wanted,
      [process.execPath, "-e", "process.stdout.write(JSON.stringify(process.env))"],
    );
    // From where it is the build's user again.
    const [program, ...args] = all.slice(all.indexOf("--init-groups") + 1);
    const seen = JSON.parse(execFileSync(program!, args, { cwd: folder, encoding: "utf8" })) as Record<string, string>;
    const { _: last, SHLVL: level, PWD: place, OLDPWD: former, ...rest } = seen;
    expect(rest).toEqual(wanted);
    expect(place).toBe(folder);
    expect(existsSync(file)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
