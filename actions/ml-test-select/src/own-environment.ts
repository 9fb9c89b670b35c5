/** What the runner gives to this action alone, kept from the tests that it starts. */

/** Inputs, state, and the runner's own variables with their tokens. */
export const ofAction = /^(INPUT_|STATE_|ACTIONS_)/;
const handedOn = "--inputs=";
// Linux takes 128 KiB in one argument, and a failing execve would end this process.
const longest = 100_000;

/**
 * The environment that inputs are read from. Where the system can, this process is first replaced by one that was not
 * given the rest: Linux shows to every process of the user what another was started with (`/proc/<pid>/environ`), whatever
 * that one deletes later. Process id, streams and signals stay; inputs, which are no secrets, come as an argument.
 */
export function ownEnvironment(): NodeJS.ProcessEnv {
  const told = process.argv.at(-1) ?? "";
  if (told.startsWith(handedOn)) return { ...process.env, ...JSON.parse(told.slice(handedOn.length)) };
  const variables = Object.entries(process.env);
  const inputs = JSON.stringify(Object.fromEntries(variables.filter(([name]) => name.startsWith("INPUT_"))));
  const [program, script] = process.argv as [string, string];
  if (process.execve && process.platform !== "win32" && Buffer.byteLength(inputs) < longest) {
    const rest = Object.fromEntries(variables.filter(([name]) => !ofAction.test(name)));
    process.execve(process.execPath, [program, ...process.execArgv, script, handedOn + inputs], rest);
  }
  return process.env;
}
