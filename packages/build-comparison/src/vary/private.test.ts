import { expect, test } from "vitest";
import { namedIn } from "./private.ts";

test.each([
  ["/tmp/tool/bin:/usr/bin", ["/tmp/tool"]],
  ["-I/tmp/sys/include -L/tmp/sys/lib", ["/tmp/sys"]],
  ["/tmp/agent.7", ["/tmp/agent.7"]],
  ["/tmp", []],
  ["/var/tmp/x", []],
  ["/tmp/runner/ours/build/tmp", []],
  ["/tmp/runner/home", ["/tmp/runner/home"]],
])("of /tmp, %s names %j", (value, named) => {
  expect(namedIn("/tmp", [value], "/tmp/runner/ours")).toEqual(named);
});
