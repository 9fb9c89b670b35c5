/** Development shells: a command in one, or its variables for the steps that follow. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addPath, exportVariable } from "@actions/core";
import { run, UserError } from "@goatnote/action-io";
import { call, flagsOf, lastWords, lockedOnly, type Nix } from "@goatnote/nix-store";

/** Runs a script in a development shell, its output in the log as it comes. */
export async function runInShell(nix: Nix, shell: string, script: string, cwd: string, temp: string): Promise<void> {
  const folder = await mkdtemp(join(temp, "develop-"));
  try {
    const file = join(folder, "script.sh");
    await writeFile(file, script, { mode: 0o600 });
    const bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", file];
    const { code, signal } = await run(
      [nix.program, "develop", ...flagsOf(nix), lockedOnly, shell, "--command", ...bash],
      { cwd, check: false, output: "inherit" },
    );
    if (code !== 0)
      throw new UserError(
        `\`command\` ended with ${signal ?? `exit code ${code}`} in the shell ${shell}; its last lines are above.`,
      );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Variable {
  type: "exported" | "var" | "array" | "associative" | "unknown";
  value?: unknown;
}

// They belong to the build of the shell, or to the runner.
const notOurs =
  /^(HOME|TMP|TMPDIR|TEMP|TEMPDIR|PWD|OLDPWD|SHELL|SHLVL|TERM|USER|LOGNAME|_|out|outputs|builder|system|name|args|stdenv)$|^(GITHUB_|RUNNER_|ACTIONS_|INPUT_)/;
// They would change what the following steps run, whatever those are.
const seizing = /^(LD_|DYLD_|NIX_|NODE_|BASH_FUNC_)|^(BASH_ENV|ENV|OPENSSL_CONF)$/;

/** Sets a shell's exported variables for the following steps. @returns their names */
export async function exportShell(nix: Nix, shell: string, cwd: string): Promise<string[]> {
  const { code, stdout, stderr } = await call(nix, ["print-dev-env", "--json", lockedOnly, shell], {
    check: false,
    cwd,
  });
  if (code !== 0) throw new UserError(`The shell ${shell} cannot be made: ${lastWords(stderr)}`);
  const { variables } = JSON.parse(stdout) as { variables: Record<string, Variable> };
  const names: string[] = [];
  for (const [name, { type, value }] of Object.entries(variables)) {
    if (
      type !== "exported" ||
      typeof value !== "string" ||
      (name !== "PATH" && (notOurs.test(name) || seizing.test(name)))
    )
      continue;
    if (name === "PATH")
      for (const path of value
        .split(":")
        .filter((each) => each.startsWith(nix.storeDir))
        .reverse())
        addPath(path);
    else exportVariable(name, value);
    names.push(name);
  }
  return names.sort();
}
