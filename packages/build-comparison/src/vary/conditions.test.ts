import { expect, test } from "vitest";
import { commandLine, type Privilege } from "./conditions.ts";
import { firstConditions, vary } from "./variations.ts";

const environment = { PATH: "/usr/bin", HOME: "/home/ada", API_KEY: "hunter2" };
const line = (change: Parameters<typeof vary>[1][number], privilege: Privilege): string[] =>
  commandLine(
    vary(firstConditions(false), [change]),
    { root: "/w/build", seenAt: "/w/build", tree: "lab", mounts: [], report: "" },
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
  expect(sudo.slice(0, 3)).toEqual(["sudo", "--non-interactive", "--preserve-env"]);
  expect(sudo.join(" ")).toContain("setpriv --reuid=1001 --regid=127 --init-groups");
  expect(sudo.indexOf("setpriv")).toBeGreaterThan(sudo.indexOf("unshare"));
  const user = line({ hostname: "x" }, "user-namespace");
  expect(user.join(" ")).toContain("unshare --user --map-current-user --keep-caps --uts");
  expect(user.join(" ")).toContain("setpriv --inh-caps=-all --ambient-caps=-all true");
  expect(line({ oldKernel: true }, "sudo")).not.toContain("sudo");
});
