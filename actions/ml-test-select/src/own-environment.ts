/** What the runner gives to this action alone, kept from the tests that it starts. */

/** Inputs, state, and the runner's own variables with their tokens. */
export const ofAction = /^(INPUT_|STATE_|ACTIONS_)/;
const handedOn = "--inputs=";
// Linux takes 128 KiB in one argument, and a failing execve would end this process.
const longest = 100_000;

/** What this process was started with, where it was started anew: the inputs, which are no secrets. */
const handed = (): string | null => {
  const last = process.argv.at(-1) ?? "";
  return last.startsWith(handedOn) ? last.slice(handedOn.length) : null;
};

/** The environment that inputs are read from. */
export function inputEnvironment(): NodeJS.ProcessEnv {
  const inputs = handed();
  return inputs === null ? process.env : { ...process.env, ...JSON.parse(inputs) };
}

/**
 * Where the system can, replaces this process once by one that was not given what belongs to the action: Linux shows to
 * every process of the user what another was started with (`/proc/<pid>/environ`), whatever that one deletes later.
 * Process id, streams and signals stay. Costs one start of Node, so call it when there is something to run.
 */
export function startWithoutSecrets(): void {
  if (handed() !== null || !process.execve || process.platform === "win32") return;
  const variables = Object.entries(process.env);
  const inputs = JSON.stringify(Object.fromEntries(variables.filter(([name]) => name.startsWith("INPUT_"))));
  if (Buffer.byteLength(inputs) >= longest) return;
  const rest = Object.fromEntries(variables.filter(([name]) => !ofAction.test(name)));
  const [program, script] = process.argv as [string, string];
  process.execve(process.execPath, [program, ...process.execArgv, script, handedOn + inputs], rest);
}
