import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a step wrote to its files. */
export interface FileCommands {
  env: Record<string, string>;
  outputs: Record<string, string>;
  state: Record<string, string>;
  path: string[];
  summary: string;
  /** What the step declared as its artifacts. */
  artifacts: string;
}

const files = {
  GITHUB_ENV: "set_env",
  GITHUB_OUTPUT: "set_output",
  GITHUB_STATE: "save_state",
  GITHUB_PATH: "add_path",
  GITHUB_STEP_SUMMARY: "step_summary",
  GITHUB_ARTIFACTS: "artifacts",
  GITHUB_ARTIFACTS_LIST: "artifacts_list",
};

/** Fresh files for one step, empty but for the list of artifacts declared before it. @returns the variables that name them, and a reader for afterwards */
export function fileCommands(
  temp: string,
  artifactList: string,
): { env: Record<string, string>; read: () => FileCommands } {
  const folder = join(temp, "_runner_file_commands");
  mkdirSync(folder, { recursive: true });
  const id = randomUUID();
  const env = Object.fromEntries(
    Object.entries(files).map(([variable, name]) => [variable, join(folder, `${name}_${id}`)]),
  );
  for (const file of Object.values(env)) writeFileSync(file, "");
  writeFileSync(env.GITHUB_ARTIFACTS_LIST!, artifactList);
  const content = (variable: keyof typeof files) => readFileSync(env[variable]!, "utf8").replace(/^\uFEFF/, "");
  const read = () => {
    const commands = {
      env: pairs(content("GITHUB_ENV"), "GITHUB_ENV"),
      outputs: pairs(content("GITHUB_OUTPUT"), "GITHUB_OUTPUT"),
      state: pairs(content("GITHUB_STATE"), "GITHUB_STATE"),
      path: content("GITHUB_PATH").split(/\r?\n/).filter(Boolean),
      summary: content("GITHUB_STEP_SUMMARY"),
      artifacts: content("GITHUB_ARTIFACTS"),
    };
    if (Object.keys(commands.env).some((name) => name.toUpperCase() === "NODE_OPTIONS"))
      throw new Error("Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.");
    return commands;
  };
  return { env, read };
}

/** `name=value` lines and `name<<DELIMITER` blocks. Throws on what the runner rejects. */
export function pairs(content: string, file: string): Record<string, string> {
  const result: Record<string, string> = {};
  const lines = content.split(/\r?\n/);
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    if (line === "") continue;
    const [equals, heredoc] = [line.indexOf("="), line.indexOf("<<")];
    if (heredoc >= 0 && (equals < 0 || heredoc < equals)) {
      const [name, delimiter] = [line.slice(0, heredoc), line.slice(heredoc + 2)];
      if (name === "" || delimiter === "")
        throw new Error(`Invalid format '${line}' in ${file}. Name must not be empty and delimiter must not be empty`);
      const end = lines.indexOf(delimiter, index + 1);
      if (end < 0) throw new Error(`Invalid value in ${file}. Matching delimiter not found '${delimiter}'`);
      result[name] = lines.slice(index + 1, end).join("\n");
      index = end;
    } else if (equals > 0) {
      result[line.slice(0, equals)] = line.slice(equals + 1);
    } else {
      throw new Error(`Invalid format '${line}' in ${file}`);
    }
  }
  return result;
}
