import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { runAction } from "../test/action-process.ts";
import { redact, registerSecret, registerSecrets } from "./secrets.ts";

test("a registered value is taken out everywhere", () => {
  registerSecret("s3cret.*of(secrets)");
  expect(redact("a s3cret.*of(secrets), s3cret.*of(secrets)!")).toBe("a ***, ***!");
});

test("an empty value changes nothing", () => {
  registerSecret("");
  expect(redact("text")).toBe("text");
});

test("a secret that is part of a longer one does not leave the rest of it", () => {
  registerSecret("begin-of-secret");
  registerSecret("begin-of-secret-and-end");
  expect(redact("x begin-of-secret-and-end x")).toBe("x *** x");
});

test("one line of a secret of several lines is a secret too, unless it is a bracket or so", () => {
  registerSecret('{\n  "private": "line-two-is-secret"\r\n}');
  expect(redact('{ "private": "line-two-is-secret" }')).toBe("{ *** }");
});

test.each([
  ["https://user:pass@host/path", "https://***@host/path"],
  ["https://token@host", "https://***@host"],
  ["postgres://user:p@ss@host/db", "postgres://***@host/db"],
  ["git+ssh://git@host/x and http://a:b@c", "git+ssh://***@host/x and http://***@c"],
  ["https://host/@scope/package", "https://host/@scope/package"],
  ["https://host?mail=me@example.org", "https://host?mail=me@example.org"],
  ["see https://host, ask me@example.org", "see https://host, ask me@example.org"],
])("the user part of the URL in %s", (text, clean) => {
  expect(redact(text)).toBe(clean);
});

test("a URL that is a secret as a whole leaves nothing", () => {
  registerSecret("postgres://user:pass@inner-host/db");
  expect(redact("to postgres://user:pass@inner-host/db")).toBe("to ***");
});

test("the runner is told to mask; elsewhere the value is not printed", async () => {
  const body = 'io.registerSecret("value-to-mask"); io.registerSecret("value-to-mask");';
  expect((await runAction(body, { GITHUB_ACTIONS: "true" })).stdout).toBe("::add-mask::value-to-mask\n");
  expect((await runAction(body)).stdout).toBe("");
});

test("many values are taken out as each alone would be", () => {
  registerSecrets(["many-one", "", "many-two\nline-of-two", "many-one"]);
  expect(redact("many-one, line-of-two, many-two")).toBe("***, ***, ***");
});

test("many values are masked with one command each, once, in the runner's form", async () => {
  const body = 'io.registerSecrets(["a%b\\nc", "second", ""]); io.registerSecrets(["second", "third"]);';
  const { stdout } = await runAction(body, { GITHUB_ACTIONS: "true" });
  expect(stdout).toBe("::add-mask::a%25b%0Ac\n::add-mask::second\n::add-mask::third\n");
  expect((await runAction(body)).stdout).toBe("");
});

// A shell's pipe, as the runner's is one; Node's own tests of children use sockets, which take more.
test.runIf(process.platform !== "win32")("masks arrive before all else, however slowly they are read", () => {
  const entry = JSON.stringify(new URL("./index.ts", import.meta.url));
  const body = `import * as io from ${entry};
    io.registerSecrets(Array.from({ length: 5000 }, (_, i) => "mask-number-" + String(i).padStart(60, "0")));
    console.log("after");
    process.reallyExit(0);`;
  const slowly = `const { readSync, writeSync } = require("node:fs"); const b = Buffer.alloc(4096);
    for (let n; (n = readSync(0, b)) > 0; Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)) writeSync(1, b, 0, n);`;
  const log = execFileSync(
    "sh",
    ["-c", '"$0" --input-type=module -e "$1" | "$0" -e "$2"', process.execPath, body, slowly],
    {
      env: { PATH: process.env.PATH, GITHUB_ACTIONS: "true" },
      encoding: "utf8",
    },
  );
  expect(log.split("\n").filter((line) => /^::add-mask::mask-number-\d{60}$/.test(line))).toHaveLength(5000);
});
