/** The second build, from what lies in the store: without substituters, and where the machine allows it without a network. */
import { say } from "@goatnote/action-io";
import {
  type BuildResult,
  build,
  builtHere,
  type Derivation,
  lastWords,
  type Nix,
  nameOf,
  outputsOf,
} from "@goatnote/nix-store";
import { type Cut, cutNetwork } from "./offline.ts";

/** What a second build said. */
export interface Rebuild {
  reasons: string[];
  /** Derivations that were built a second time. */
  derivations: string[];
  /** Names of those that a hash fixes, which Nix does not build again. */
  fixed: string[];
  offline: "passed" | "failed" | "not-run";
  /** How the network was cut off, or why it was not, in words. */
  network: string;
}

/**
 * Builds derivations once more and compares: what reads the clock or another thing that changes differs, and what gets around
 * the sandbox to the network has none.
 */
export async function rebuild(nix: Nix, graph: readonly Derivation[], which: readonly string[]): Promise<Rebuild> {
  const byPath = new Map(graph.map((each) => [each.path, each]));
  const cut = await cutNetwork(nix);
  const again: Rebuild = {
    reasons: [],
    derivations: [],
    fixed: [],
    ...("notRun" in cut
      ? { offline: "not-run", network: cut.notRun }
      : { offline: "passed", network: cut.wrap.filter((word) => !word.startsWith("--preserve-env")).join(" ") }),
  };
  const missing: string[] = [];
  for (const [i, path] of which.entries()) {
    const derivation = byPath.get(path);
    const outputs = Object.values(derivation?.outputs ?? {});
    if (!derivation || outputs.length === 0) continue;
    if (outputs.every(({ hash }) => hash !== null)) again.fixed.push(nameOf(path));
    // Nix ends such a `--rebuild` well without comparing.
    else if (outputs.some(({ path: known }) => known === null))
      again.reasons.push(`${nameOf(path)} is content-addressed: not built a second time here.`);
    else {
      say(
        `Building ${nameOf(path)} again (${i + 1} of ${which.length}), network: ${again.offline === "not-run" ? "as it is" : "cut off"}`,
      );
      const { reason, outcome } = await rebuildOne(nix, derivation, cut);
      if (reason) again.reasons.push(reason);
      if (outcome === "needs-network") again.offline = "failed";
      if (outcome === "not-built") missing.push(nameOf(path));
      else again.derivations.push(path);
    }
  }
  if (again.offline !== "passed") return again;
  // What was not built a second time has not shown that it needs no network.
  if (missing.length > 0)
    return { ...again, offline: "not-run", network: `${missing.join(", ")} could not be built a second time` };
  if (again.derivations.length === 0)
    return { ...again, offline: "not-run", network: "nothing was built a second time" };
  return again;
}

/** `not-built`: it did not come to a second result, with a network or without. */
type Outcome = "built" | "needs-network" | "not-built";

async function rebuildOne(nix: Nix, derivation: Derivation, cut: Cut): Promise<{ reason?: string; outcome: Outcome }> {
  const { path, inputDerivations } = derivation;
  const inputs = Object.entries(inputDerivations).map(([input, names]) => outputsOf(nix, input, names));
  // The last download: what comes from a cache comes without what it was built from.
  const fetched: Pick<BuildResult, "code" | "errors"> =
    inputs.length > 0 ? await build(nix, inputs) : { code: 0, errors: [] };
  if (fetched.code !== 0)
    return {
      outcome: "not-built",
      reason: `${nameOf(path)} could not be built again, since what it is built from is missing: ${lastWords(fetched.errors.join("\n"), 2)}`,
    };
  const args = ["--rebuild", ...builtHere];
  const begin = ({ wrap, args: more }: { wrap: string[]; args: string[] }) =>
    build(nix, [outputsOf(nix, path)], () => {}, { args: [...args, ...more], wrap });
  const { code, built, errors } = await begin("notRun" in cut ? { wrap: [], args: [] } : cut);
  if (code === 0)
    return built.some((each) => each.derivation === path)
      ? { outcome: "built" }
      : { outcome: "not-built", reason: `${nameOf(path)} was not built again, though Nix says so.` };
  const told = errors.join("\n");
  if (/may not be deterministic/.test(told))
    return {
      outcome: "built",
      reason: `${nameOf(path)} differs when it is built again: it reads the clock or another thing that changes. repro-check finds what.`,
    };
  if (!("notRun" in cut) && (await begin({ wrap: [], args: [] })).code === 0)
    return {
      outcome: "needs-network",
      reason: `${nameOf(path)} needs the network: with it, it was built again, and without it fails: ${lastWords(told, 2)}`,
    };
  return { outcome: "not-built", reason: `${nameOf(path)} could not be built again: ${lastWords(told, 2)}` };
}
