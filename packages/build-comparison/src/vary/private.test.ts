import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { namedIn, passagesInto, privateFolders } from "./private.ts";

test.each([
  ["/tmp/tool/bin:/usr/bin", ["/tmp/tool"]],
  ["-I/tmp/sys/include -L/tmp/sys/lib", ["/tmp/sys"]],
  ["/tmp/agent.7", ["/tmp/agent.7"]],
  ["unix:///tmp/podman.sock", ["/tmp/podman.sock"]],
  ["file:///tmp/wheels https://host/tmp/x", ["/tmp/wheels"]],
  ["/tmp", []],
  ["/var/tmp/x", []],
  ["/tmp/runner/ours/build/tmp", []],
  ["/tmp/runner/home", ["/tmp/runner/home"]],
])("of /tmp, %s names %j", (value, named) => {
  expect(namedIn("/tmp", [value], "/tmp/runner/ours")).toEqual(named);
});

test("a link that is named leads on", () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "passages-")));
  const at = (name: string): string => join(folder, name);
  try {
    mkdirSync(at("jdk/bin"), { recursive: true });
    symlinkSync("current", at("java"));
    symlinkSync(at("jdk"), at("current"));
    symlinkSync("loop", at("loop"));
    const values = [at("java/bin"), at("loop")];
    expect(passagesInto([folder], values, "/ours")).toEqual(["current", "java", "jdk", "loop"].map(at));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a temporary folder in the checkout goes with it", () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "checkout-")));
  try {
    mkdirSync(join(folder, "temp"));
    expect(privateFolders(join(folder, "temp"), folder)).toEqual(privateFolders("", ""));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
