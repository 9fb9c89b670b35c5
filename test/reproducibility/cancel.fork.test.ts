/** A job that is cancelled stops building at once, and leaves nothing. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeFor } from "@goatnote/rehearsal/node";
import { expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { project } from "./check.ts";

test("a job that is cancelled during a build", async () => {
  const actions = await build();
  const { folder, remove } = project({ a: "a\n" });
  const temp = `${folder}_temp`;
  mkdirSync(temp);
  for (const name of ["output", "summary"]) writeFileSync(join(temp, name), "");
  const inputs = {
    BUILD: "echo the build has begun; sleep 1000",
    ARTIFACTS: "out",
    VARY: "all",
    MODE: "assert",
    BISECT: "true",
    DIFFOSCOPE: "never",
    TIMEOUT: "60m",
  };
  const main = join(actions, "repro-check/main.js");
  const [command, ...args] = nodeFor(main);
  const child = spawn(command, [...args, main], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      GITHUB_WORKSPACE: folder,
      GITHUB_OUTPUT: join(temp, "output"),
      GITHUB_STEP_SUMMARY: join(temp, "summary"),
      RUNNER_TEMP: temp,
      ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name}`, value])),
    },
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    let log = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    while (!log.includes("the build has begun")) await sleep(50);
    child.kill("SIGTERM");
    const [code] = (await once(child, "close")) as [number];
    expect(log).toContain("not-checked: The job was cancelled.");
    expect(log.match(/::group::/g)).toHaveLength(1);
    expect(code).toBe(1);
    expect(readdirSync(temp).filter((name) => name.startsWith("repro-check-"))).toEqual([]);
  } finally {
    child.kill("SIGKILL");
    remove();
  }
});
