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

/** What a store has of derivations: by the derivation, then by the output. */
export type Realised = ReadonlyMap<string, ReadonlyMap<string, KnownPath>>;

/** What was built in the other store. */
export interface Diverted {
  realised: Realised;
  /** Where an object of it is on disk. */
  onDisk: (path: string) => string;
  started: number;
  ended: number;
}

/**
 * @param roots derivations whose outputs are built, with all that was built here
 * @param asked derivations that are told of
 * @param given store objects that are copied and not built again: downloads, and what was built elsewhere
 * @param folder of the store; has to be empty
 */
export async function buildDiverted(
  nix: Nix,
  roots: readonly Derivation[],
  asked: readonly Derivation[],
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
  const { code, stderr } = await run([...argv, ...flagsOf(other), ...builtHere, ...options] as [string, ...string[]], {
    check: false,
    timeoutMs: Math.max(1, deadline - started),
    env,
  }).catch((error: unknown) => {
    if (!(error instanceof SubprocessError) || Date.now() < deadline) throw error;
    return { code: null, stderr: "it did not end in time and was stopped" };
  });
  if (code !== 0)
    throw new BuildProblem("failed", `Nothing can be built in a store of its own: ${lastWords(stderr, 3)}`);
  return {
    realised: await realisedIn(other, asked),
    onDisk: (path) => join(folder, "nix/store", path.slice(path.lastIndexOf("/") + 1)),
    started,
    ended: Date.now(),
  };
}

const builtNothing = ["--option", "substitute", "false", "--option", "builders", "", "--option", "max-jobs", "0"];

/** Outputs that a store has, as far as it has them; nothing is built. */
export async function realisedIn(nix: Nix, derivations: readonly Derivation[]): Promise<Realised> {
  const outputs = new Map<string, Record<string, string>>();
  for (const { path } of derivations) {
    const argv = ["build", "--no-link", "--json", outputsOf(nix, path), ...builtNothing];
    const { code, stdout } = await call(nix, argv, { check: false });
    const [result] = code === 0 ? (JSON.parse(stdout) as { outputs: Record<string, string> }[]) : [];
    if (result) outputs.set(path, result.outputs);
  }
  const paths = [...outputs.values()].flatMap((each) => Object.values(each));
  const known = new Map((await pathInfo(nix, paths)).map((object) => [object.path, object]));
  const realised = [...outputs].flatMap(([path, own]): [string, Map<string, KnownPath>][] => {
    const objects = Object.entries(own).map(([name, object]) => [name, known.get(object)] as const);
    const all = objects.filter((each): each is [string, KnownPath] => each[1] !== undefined);
    return all.length === objects.length && all.length > 0 ? [[path, new Map(all)]] : [];
  });
  return new Map(realised);
}
