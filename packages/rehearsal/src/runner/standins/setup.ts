import { spawnSync } from "node:child_process";
import type { StandIn } from "./stand-in.ts";

/** Sets nothing up: says which version of the machine's own tool serves, and fails when there is none. */
export function setup(tool: string, args: string[]): StandIn {
  return {
    inputs: {},
    main({ job, log, output }) {
      const { stdout, status } = spawnSync(tool, args, { env: job.machine, encoding: "utf8" });
      if (status !== 0) throw new Error(`${tool} is not on this machine, and the rehearsal installs nothing.`);
      const version = /\d+(\.\d+)+/.exec(stdout)?.[0] ?? "";
      log(`The machine's ${tool} ${version} serves, whatever version the workflow asks for.`);
      output(`${tool.replace("3", "")}-version`, version);
    },
  };
}
