/** A closure built again in a store of its own, since Nix does not check what is content-addressed: another path is another output. */
import { join } from "node:path";
import { run, SubprocessError } from "@goatnote/action-io";
import {
  builtHere,
  call,
  type Derivation,
  flagsOf,
  type KnownPath,
  lastWords,
  type Nix,
  outputsOf,
  pathInfo,
} from "@goatnote/nix-store";
import { BuildProblem } from "../vary/problem.ts";
import { type NixChange, together } from "./conditions.ts";

/** What was built in the other store. */
export interface Diverted {
  /** The closure, sorted. */
  closure: KnownPath[];
  /** Where an object of it is on disk. */
  onDisk: (path: string) => string;
  started: number;
  ended: number;
}

/**
 * @param roots derivations whose outputs are built, with all that was built here
 * @param given store objects that are copied and not built again: downloads, and what was built elsewhere
 * @param folder of the store; has to be empty
 */
export async function buildDiverted(
  nix: Nix,
  roots: readonly Derivation[],
  given: readonly string[],
  changes: readonly NixChange[],
  folder: string,
  deadline: number,
): Promise<Diverted> {
  const copy = ["copy", "--no-check-sigs", "--to", folder];
  const drvs = roots.map(({ path }) => path);
  await call(nix, [...copy, "--derivation", ...drvs]);
  if (given.length > 0) await call(nix, [...copy, ...given]);
  const other: Nix = { ...nix, options: [...nix.options, "--store", folder] };
  const { options, wrap, env } = together(changes);
  const wanted = drvs.map((path) => outputsOf(nix, path));
  const argv = [...wrap, nix.program, "build", "--no-link", "--json", ...wanted];
  const started = Date.now();
  const { code, stdout, stderr } = await run(
    [...argv, ...flagsOf(other), ...builtHere, ...options] as [string, ...string[]],
    { check: false, timeoutMs: Math.max(1, deadline - started), env },
  ).catch((error: unknown) => {
    if (!(error instanceof SubprocessError) || Date.now() < deadline) throw error;
    return { code: null, stdout: "", stderr: "it did not end in time and was stopped" };
  });
  if (code !== 0)
    throw new BuildProblem("failed", `Nothing can be built in a store of its own: ${lastWords(stderr, 3)}`);
  const results = JSON.parse(stdout) as { outputs: Record<string, string> }[];
  const paths = results.flatMap(({ outputs }) => Object.values(outputs));
  const closure = await pathInfo(other, paths, { recursive: true });
  return {
    closure,
    onDisk: (path) => join(folder, "nix/store", path.slice(path.lastIndexOf("/") + 1)),
    started,
    ended: Date.now(),
  };
}

/** Objects that differ, paired by their names; null where one closure has none of that name. */
export function compareClosures(
  first: readonly KnownPath[],
  second: readonly KnownPath[],
): { name: string; first: string | null; second: string | null }[] {
  const name = ({ path }: KnownPath): string => path.slice(path.lastIndexOf("/") + 34);
  const keys = (of: readonly KnownPath[]): Set<string> => new Set(of.map(({ path, narHash }) => `${path} ${narHash}`));
  const without = (of: readonly KnownPath[], other: Set<string>): Map<string, string[]> => {
    const left = of.filter(({ path, narHash }) => !other.has(`${path} ${narHash}`));
    const groups = Map.groupBy(left, name);
    return new Map([...groups].map(([key, objects]) => [key, objects.map(({ path }) => path).sort()]));
  };
  const [a, b] = [without(first, keys(second)), without(second, keys(first))];
  return [...new Set([...a.keys(), ...b.keys()])].sort().flatMap((key) => {
    const [left = [], right = []] = [a.get(key), b.get(key)];
    return Array.from({ length: Math.max(left.length, right.length) }, (_, i) => ({
      name: key,
      first: left[i] ?? null,
      second: right[i] ?? null,
    }));
  });
}
