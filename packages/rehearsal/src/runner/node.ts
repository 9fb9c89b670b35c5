import { join } from "node:path";

/**
 * Node.js as it runs actions here, the program and its first arguments. What it compiles it keeps for the next start, of which
 * tests make thousands. By an option and not by NODE_COMPILE_CACHE, which the programs that an action starts would find.
 */
export const nodeOfActions: readonly [string, ...string[]] = [
  process.execPath,
  "--require",
  join(import.meta.dirname, "keep-compiled.cjs"),
];
