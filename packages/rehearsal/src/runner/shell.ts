import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** GitHub's invocations; `{0}` stands for the script file. Without `shell:` bash runs with `-e` alone. */
const invocations: Record<string, { template: string; suffix: string }> = {
  "": { template: "bash -e {0}", suffix: ".sh" },
  bash: { template: "bash --noprofile --norc -eo pipefail {0}", suffix: ".sh" },
  sh: { template: "sh -e {0}", suffix: ".sh" },
  python: { template: "python3 {0}", suffix: ".py" },
  node: { template: "node {0}", suffix: ".cjs" },
  pwsh: { template: "pwsh -command . '{0}'", suffix: ".ps1" },
  powershell: { template: "powershell -command . '{0}'", suffix: ".ps1" },
  cmd: { template: "cmd /D /E:ON /V:OFF /S /C CALL {0}", suffix: ".cmd" },
};

/** Writes the script to a file and says how to run it. */
export function scriptCommand(script: string, shell: string, temp: string): { command: string; args: string[] } {
  const known = invocations[shell];
  const file = join(temp, `${randomUUID()}${known?.suffix ?? ""}`);
  const template = known?.template ?? shell;
  if (!template.includes("{0}"))
    throw new Error(`Invalid shell option '${shell}'. It must be a known shell or contain '{0}'.`);
  const prelude = shell === "pwsh" || shell === "powershell" ? "$ErrorActionPreference = 'stop'\n" : "";
  writeFileSync(file, prelude + script, { mode: 0o600 });
  const [command = "", ...args] = template.split(" ").filter(Boolean);
  return { command, args: args.map((arg) => arg.replace("{0}", file)) };
}
