/** The plan: what was decided for every test, and why. A JSON file that all shards and the later record see. */
import { createHash } from "node:crypto";
import type { ImportDistance, Selection, TextSimilarity } from "@goatnote/ci-history";
import type { ReliabilityBin } from "./calibration.ts";
import type { Distilled } from "./distil.ts";
import type { Coverage } from "./recall.ts";
import type { ScorerName } from "./scorers.ts";

export const modes = ["select", "prioritize", "observe"] as const;
export type Mode = (typeof modes)[number];

/** The decision on one test. */
export interface PlannedTest {
  id: string;
  file: string | null;
  /** How likely it is to fail, see `model`: a sum of 0 or more, or a logarithm of odds; null for a test without history. Ranked by it for its duration, or its file's, see `worth.ts`. */
  score: number | null;
  /** Calibrated probability that it fails, 0 to 1; null for a test without history, and where the past cannot tell yet. */
  probability: number | null;
  chosen: boolean;
  /** Probability with which this plan runs the test, 0 to 1: below 1 only where chance decides. */
  p_run: number;
  reason: string;
  duration_ms: number | null;
  /** Its place in the order in which recorded runs first had the tests, from 0; null for a test without history. */
  place: number | null;
  /** The shard that runs it, from 1; absent without shards. */
  shard?: number;
}

/** A test file that runs as a whole, whatever tests are in it. */
export interface PlannedFile {
  path: string;
  reason: string;
  shard?: number;
}

export interface Plan {
  version: 1;
  mode: Mode;
  /** `all`: the runner runs everything it finds. `chosen`: only chosen tests and files. */
  run: "all" | "chosen";
  /** One sentence: why this much is run. */
  reason: string;
  runner: string | null;
  base: string | null;
  head: string | null;
  seed: string;
  target_recall: number;
  /** The stated recall of this choice, 0 to 1; null when none can be stated. */
  confidence: number | null;
  /** How the recall that could be stated before each of the latest failing runs has held. */
  coverage: Coverage;
  /** What scored: the one that has ordered past failing runs better. */
  model: {
    kind: ScorerName;
    /** Expected calibration error of the probabilities stated so far, 0 to 1; null where none was. */
    ece: number | null;
    /** What was stated so far and what came. */
    reliability: readonly ReliabilityBin[];
  };
  history: { runs: number; failing_runs: number };
  /** What decided, in one small tree, see `distil.ts`; null where it would say nothing. */
  tree: Distilled | null;
  /** Files of tests from which imports lead to the change, for the record; null where nobody looked. */
  import_distances: ImportDistance[] | null;
  /** Files of tests that share identifiers with the changed lines, for the record; null where nobody looked. */
  text_similarities: TextSimilarity[] | null;
  shards: number;
  tests: PlannedTest[];
  files: PlannedFile[];
}

/** The bytes of the plan file. */
export const encodePlan = (plan: Plan): string => `${JSON.stringify(plan, null, 1)}\n`;

/**
 * Reads a plan file.
 * @throws Error that names the file, when it is no plan of this version
 */
export function decodePlan(text: string, where: string): Plan {
  const problem = (what: string): Error =>
    new Error(`${where} is not a plan of ml-test-select: ${what}. Pass the file from its output \`plan\`.`);
  let plan: Plan;
  try {
    plan = JSON.parse(text) as Plan;
  } catch (cause) {
    throw new Error(problem("it is not JSON").message, { cause });
  }
  if (plan?.version !== 1) throw problem(`version is ${shown(plan?.version)}, not 1`);
  if (plan.run !== "all" && plan.run !== "chosen") throw problem("`run` is neither all nor chosen");
  if (!modes.includes(plan.mode)) throw problem("`mode` is unknown");
  if (!Array.isArray(plan.tests) || !plan.tests.every(isPlannedTest))
    throw problem("`tests` has an entry without id, chosen or p_run");
  if (!Array.isArray(plan.files) || !plan.files.every((file) => typeof file?.path === "string"))
    throw problem("`files` has an entry without path");
  if (!isShard(plan.shards, Number.MAX_SAFE_INTEGER)) throw problem("`shards` is no number from 1");
  // What is in no shard would run in none of the jobs.
  if (plan.shards > 1 && ![...plan.tests, ...plan.files].every(({ shard }) => isShard(shard, plan.shards)))
    throw problem("it has an entry that is in none of its shards");
  return plan;
}

const isShard = (shard: unknown, most: number): boolean =>
  Number.isInteger(shard) && (shard as number) >= 1 && (shard as number) <= most;

function isPlannedTest(test: PlannedTest): boolean {
  const file = test?.file === null || typeof test?.file === "string";
  return typeof test?.id === "string" && file && typeof test.chosen === "boolean" && test.p_run >= 0 && test.p_run <= 1;
}

/** How the tests of a run were chosen, for its record. */
export function selectionOf(plan: Plan, bytes: string | Buffer): Selection {
  const explored = plan.tests.some((test) => test.p_run > 0 && test.p_run < 1);
  return {
    mode: plan.run === "all" ? "full" : explored ? "explore" : "select",
    plan_digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
    target_recall: plan.target_recall,
  };
}

/** What stands in a file from elsewhere, short enough for a message. */
export const shown = (value: unknown): string => String(JSON.stringify(value)).slice(0, 40);
