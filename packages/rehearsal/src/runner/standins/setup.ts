import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StandIn } from "./stand-in.ts";

/**
 * Sets nothing up: says which version of the machine's own tool serves, and fails when there is none.
 * @param name what the action calls the tool; where the machine has no such command, it gets one in the job
 */
export function setup(name: string, args: string[], tool = name): StandIn {
  return {
    inputs: {},
    main({ job, log, output }) {
      const { stdout, status } = spawnSync(tool, args, { env: job.machine, encoding: "utf8" });
      if (status !== 0) throw new Error(`${tool} is not on this machine, and the rehearsal installs nothing.`);
      const version = /\d+(\.\d+)+/.exec(stdout)?.[0] ?? "";
      log(`The machine's ${tool} ${version} serves, whatever version the workflow asks for.`);
      output(`${name}-version`, version);
      if (name !== tool && spawnSync(name, args, { env: job.machine }).status !== 0) {
        const folder = join(job.temp, `setup-${name}`);
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, name), `#!/bin/sh\nexec ${tool} "$@"\n`, { mode: 0o755 });
        job.path.unshift(folder);
      }
    },
  };
}
