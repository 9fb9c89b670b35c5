import { join } from "node:path";

/**
 * Node.js as it runs an action here, the program and its first arguments. What it compiles it keeps for the next start, of which
 * tests make thousands. By an option and not by NODE_COMPILE_CACHE, which the programs that an action starts would find. An
 * `exec` replaces its process by one with the same options, and is started as the runner does: without any.
 * @param entry path of the action or of its file
 */
export const nodeFor = (entry: string): readonly [string, ...string[]] =>
  /(^|[\\/])exec([\\/]|$)/.test(entry)
    ? [process.execPath]
    : [process.execPath, "--require", join(import.meta.dirname, "keep-compiled.cjs")];
