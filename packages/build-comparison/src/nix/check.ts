/** An installable checked: all of its build closure that was built here is built again, under other conditions. */
import { join } from "node:path";
import {
  build,
  closureDigest,
  type Derivation,
  type KnownPath,
  lockedOnly,
  nameOf,
  pathInfo,
  showDerivations,
} from "@goatnote/nix-store";
import { type Finding, keyOf } from "../cause/explain.ts";
import type { Cause, Side } from "../cause/scene.ts";
import type { Explained } from "../check.ts";
import { findProvokers } from "../provokers.ts";
import { BuildProblem } from "../vary/problem.ts";
import type { Tell, VariationReport } from "../vary/rebuild.ts";
import type { VariationName } from "../vary/variations.ts";
import { type Applied, applyVariations } from "./applied.ts";
import type { NixMachine } from "./conditions.ts";
import { ContentAddressed } from "./content-addressed.ts";
import { explainOutput, outputName } from "./explain.ts";
import { inputsFirst, isContentAddressed, type Plan, planFor } from "./graph.ts";
import { inTime } from "./in-time.ts";
import { rebuildOnce } from "./rebuild.ts";
import { sceneOf } from "./scene.ts";

/** What came of one derivation of the build closure. */
export interface CheckedDerivation {
  derivation: string;
  name: string;
  verdict: "identical" | "different" | "not-checked";
  /** Whether it was to be built again; the others are told with the reason why not. */
  tried: boolean;
  /** Why it was not checked, or what it is. */
  detail: string;
  findings: Explained[];
  /** How the search for what brings it about ended. */
  bisection: "not-needed" | "off" | "complete" | "incomplete";
}

export interface NixChecked {
  variations: VariationReport[];
  /** Inputs first. */
  derivations: CheckedDerivation[];
  roots: { derivation: string; outputs: Record<string, string> }[];
  /** The runtime closure of the first build. */
  closure: KnownPath[];
  closureDigest: string;
}

export interface NixCheck {
  installable: string;
  asked: readonly VariationName[];
  bisect: boolean;
  /** Milliseconds since 1970. */
  deadline: number;
  /** Where a relative flake is. */
  cwd: string;
}

const why: Record<Exclude<Plan, "check" | "content-addressed">, string> = {
  "no-need": "its content is fixed by its hash",
  substituted: "it was built elsewhere and not here",
  "not-in-store": "what it makes is not in the store",
};

// What is judged is what is locked. A derivation that evaluation itself reads is not in the closure of the result, so it
// would be built once and never again.
// A cached evaluation would not say whether it had read one.
const asCommitted = [
  lockedOnly,
  ...["--option", "allow-import-from-derivation", "false"],
  ...["--option", "eval-cache", "false"],
];

/** @throws BuildProblem when there is nothing to compare */
export async function checkInstallable(check: NixCheck, surroundings: NixMachine, tell: Tell): Promise<NixChecked> {
  const { nix } = surroundings;
  const began = Date.now();
  tell(`Building ${check.installable}`);
  const limited = await inTime(nix, surroundings.folder, () => check.deadline);
  const first = await build(limited.nix, [check.installable], () => {}, { cwd: check.cwd, args: asCommitted });
  if (limited.ended())
    throw new BuildProblem("timeout", `The first build of ${check.installable} did not end in time and was stopped.`);
  if (first.code !== 0 || first.results.length === 0) {
    const said = first.errors.findLast((error) => !error.startsWith("(use '--show-trace'"));
    throw new BuildProblem("failed", `${check.installable} cannot be built: ${said ?? "see the log"}`);
  }
  const ended = Date.now();
  const rootPaths = first.results.map(({ derivation }) => derivation);
  const derivations = await showDerivations(nix, rootPaths, { recursive: true });
  const outputs = first.results.flatMap((each) => Object.values(each.outputs));
  const closure = await pathInfo(nix, outputs, { recursive: true });
  const roots = derivations.filter(({ path }) => rootPaths.includes(path));
  const applied = await applyVariations(check.asked, surroundings, roots[0]!);
  const builtNow = new Set(first.built.map(({ derivation }) => derivation));
  const context: Context = {
    check,
    surroundings,
    ...applied,
    tell,
    clockOf: ({ path }) =>
      builtNow.has(path) ? { from: began / 1000 - 1, to: ended / 1000 + 1 } : { from: 946_684_800, to: ended / 1000 },
  };
  const known = new Map((await pathInfo(nix, outputsOf(derivations))).map((object) => [object.path, object] as const));
  const ordered = inputsFirst(derivations);
  const checked: CheckedDerivation[] = [];
  for (const [i, derivation] of ordered.entries()) {
    const plan = planFor(derivation, known, rootPaths);
    if (plan === "content-addressed") continue;
    if (plan === "check") {
      tell(`Building ${derivation.name} again (${i + 1} of ${ordered.length})`);
      checked.push(await checkDerivation(derivation, context));
    } else checked.push({ ...plain(derivation), verdict: "not-checked", tried: false, detail: why[plan] });
  }
  if (derivations.some(isContentAddressed)) {
    const given = ordered
      .filter((each) => /no-need|substituted/.test(planFor(each, known, [])))
      .flatMap((each) => outputsOf([each]).filter((path) => known.has(path)));
    checked.push(...(await checkContentAddressed(ordered.filter(isContentAddressed), roots, given, context)));
  }
  return {
    variations: applied.variations,
    derivations: checked,
    roots: first.results,
    closure,
    closureDigest: closureDigest(closure),
  };
}

const outputsOf = (derivations: readonly Derivation[]): string[] =>
  derivations.flatMap(({ outputs }) => Object.values(outputs).flatMap(({ path }) => path ?? []));

const plain = ({ path, name }: Derivation): CheckedDerivation => ({
  derivation: path,
  name,
  verdict: "identical",
  tried: true,
  detail: "",
  findings: [],
  bisection: "not-needed",
});

export interface Context extends Applied {
  check: NixCheck;
  surroundings: NixMachine;
  tell: Tell;
  clockOf: (derivation: Derivation) => Side["clock"];
}

/** One build again and what differs in it; undefined when it gave no result. */
export type Again = (
  names: readonly VariationName[],
) => Promise<{ findings: Finding[]; differs: boolean } | { problem: string }>;

async function checkDerivation(derivation: Derivation, context: Context): Promise<CheckedDerivation> {
  const { surroundings, check, changes } = context;
  const temporary = join(surroundings.folder, "build");
  const again: Again = async (names) => {
    const some = names.flatMap((name) => changes.get(name) ?? []);
    const rebuilt = await rebuildOnce(surroundings.nix, derivation, some, temporary, check.deadline);
    try {
      if (rebuilt.verdict === "identical") return { findings: [], differs: false };
      if (rebuilt.verdict !== "different") return { problem: rebuilt.detail };
      const scene = sceneOf(context, names, derivation, rebuilt.started, rebuilt.ended);
      const findings: Finding[] = [];
      for (const { output, path, other } of rebuilt.outputs) {
        findings.push(...(await explainOutput(outputName(derivation, output), path, other, scene)));
      }
      return { findings, differs: true };
    } finally {
      await rebuilt.remove();
    }
  };
  return { ...plain(derivation), ...(await compareAgain(again, context)) };
}

/** Builds under all variations, and where that differs finds which of them bring it about. */
async function compareAgain(again: Again, { check, changes, tell }: Context): Promise<Partial<CheckedDerivation>> {
  const all = [...changes.keys()];
  const seen = await again(all);
  if ("problem" in seen) {
    const bare = all.length > 0 ? await again([]) : seen;
    if ("problem" in bare) return { verdict: "not-checked", detail: bare.problem };
    if (!bare.differs)
      return { verdict: "not-checked", detail: `it cannot be built under the variations: ${seen.problem}` };
    const findings = bare.findings.map((each) => ({ ...each, provokedBy: [], always: true, sometimes: false }));
    return { verdict: "different", findings, bisection: "complete", detail: "it differs in every build" };
  }
  if (!seen.differs) return { verdict: "identical" };
  const findings = seen.findings.map(
    (each): Explained => ({ ...each, provokedBy: [], always: false, sometimes: false }),
  );
  if (!check.bisect) return { verdict: "different", findings, bisection: "off" };
  const keysOf = async (names: readonly VariationName[]): Promise<Set<string>> => {
    const found = await again(names);
    if ("problem" in found) throw new BuildProblem("failed", found.problem);
    // What is not explained cannot be told to be the same.
    if (found.findings.some(({ stopped }) => stopped))
      throw new BuildProblem("failed", "Not all that differs was explained in time.");
    return new Set(found.findings.map(keyOf));
  };
  try {
    await findProvokers(findings, all, keysOf);
    for (const finding of findings) finding.causes = namedBy(finding.causes, finding.provokedBy);
    return { verdict: "different", findings, bisection: "complete" };
  } catch (error) {
    if (!(error instanceof BuildProblem)) throw error;
    tell(`The bisection ended early: ${error.message}`);
    return { verdict: "different", findings, bisection: "incomplete", detail: error.message };
  }
}

/** A small number may be that of cores or of processors; what brings it about tells which. */
function namedBy(causes: Cause[], provokedBy: readonly VariationName[]): Cause[] {
  const [only, ...others] = provokedBy;
  if (others.length > 0 || (only !== "cpus" && only !== "parallelism")) return causes;
  return causes.map((cause) => (cause === "cpus" || cause === "parallelism" ? only : cause));
}

/** What is content-addressed, in the build closure too, each by its own outputs. */
async function checkContentAddressed(
  derivations: readonly Derivation[],
  roots: readonly Derivation[],
  given: readonly string[],
  context: Context,
): Promise<CheckedDerivation[]> {
  const all = await ContentAddressed.of(derivations, roots, given, context);
  const differing = new Set<string>();
  const checked: CheckedDerivation[] = [];
  for (const derivation of derivations) {
    if (!all.first.has(derivation.path)) {
      checked.push({ ...plain(derivation), verdict: "not-checked", tried: false, detail: why["not-in-store"] });
      continue;
    }
    const outcome = await compareAgain(all.again(derivation), context);
    if (outcome.verdict === "different") differing.add(derivation.path);
    // What is built from something that differs differs for that reason.
    const inputs = Object.keys(derivation.inputDerivations).filter((path) => differing.has(path));
    const follows = outcome.verdict === "different" && inputs.length > 0;
    checked.push({
      ...plain(derivation),
      ...outcome,
      ...(follows && {
        detail: `it takes in what differs: ${inputs.map(nameOf).join(", ")}`,
        findings: (outcome.findings ?? []).map((finding) => ({ ...finding, derived: true })),
      }),
    });
  }
  return checked;
}
