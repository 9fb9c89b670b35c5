/** From the record of a test job, and the plan it followed, to a predicate. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { UserError } from "@goatnote/action-io";
import { type Claims, type FollowedPlan, TEST_RESULT_TYPE, type TestOutcome, testResult } from "@goatnote/attestation";
import { decodeRuns, type Execution, type Run } from "@goatnote/ci-history";
import { decodePlan } from "@goatnote/test-selection";

const outcomes: Record<Execution["status"], TestOutcome["outcome"]> = {
  pass: "passed",
  xfail: "passed",
  xpass: "passed",
  fail: "failed",
  error: "failed",
  timeout: "failed",
  skip: "skipped",
  todo: "skipped",
  disabled: "skipped",
  not_run: "rested",
};

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/**
 * @param segment path of the record
 * @param plan path of the plan; "" where the tests followed none
 * @param claims of this job; the record must be of the same commit
 */
export async function testResultOf(segment: string, plan: string, claims: Claims, server: string) {
  const bytes = await bytesOf(segment);
  const runs = decoded(segment, () => decodeRuns(bytes, segment));
  for (const { sha } of runs)
    if (sha !== claims.sha)
      throw new UserError(`${segment} records tests of the commit ${sha}, and this run is about ${claims.sha}.`);
  if (runs.every(({ tests }) => tests.length === 0))
    throw new UserError(`${segment} records no test, so there is no result to attest.`);
  const run = {
    tests: outcomesOf(runs),
    url: `${server}/${claims.repository}/actions/runs/${runPath(segment, runs)}`,
    record: { sha256: sha256(bytes) },
    complete: runs.every(({ report_complete }) => report_complete !== false),
    plans: plan === "" ? plansIn(runs) : [await planOf(plan, runs)],
  };
  return { type: TEST_RESULT_TYPE, content: testResult(run) };
}

async function planOf(file: string, runs: readonly Run[]): Promise<FollowedPlan> {
  const bytes = await bytesOf(file);
  const plan = decoded(file, () => decodePlan(bytes.toString(), file));
  const digest = sha256(bytes);
  if (runs.some(({ selection }) => selection?.plan_digest !== `sha256:${digest}`))
    throw new UserError(`The tests did not follow the plan ${file}: their record names another one, or none.`);
  return {
    digest: { sha256: digest },
    run: plan.run,
    targetRecall: plan.target_recall,
    confidence: plan.confidence,
  };
}

/** Where the tests ran, which may be another run than the one that attests. */
function runPath(segment: string, runs: readonly Run[]): string {
  const paths = new Set(runs.map(({ run_id, run_attempt = 1 }) => `${run_id}/attempts/${run_attempt}`));
  if (paths.size > 1)
    throw new UserError(
      `${segment} records tests of ${paths.size} runs (${[...paths].slice(0, 3).join(", ")}), and a result is of one. Give the record of one run.`,
    );
  return [...paths][0]!;
}

/** What the record says of the plans that its tests followed, each once. */
function plansIn(runs: readonly Run[]): FollowedPlan[] {
  const plans = runs.flatMap(({ selection }): FollowedPlan[] => {
    if (!selection) return [];
    const { mode, plan_digest, target_recall: targetRecall } = selection;
    const digest = { sha256: plan_digest.replace(/^sha256:/, "") };
    return [{ digest, run: mode === "full" ? "all" : "chosen", targetRecall, confidence: null }];
  });
  return [...new Map(plans.map((each) => [JSON.stringify(each), each])).values()];
}

/** A test that failed and passed, with the same parameters and in the same variant, is flaky: it warns. */
function outcomesOf(runs: readonly Run[]): TestOutcome[] {
  const tests = new Map<string, { name: string; seen: Set<TestOutcome["outcome"]> }>();
  for (const run of runs)
    for (const { id, param, variant, status } of run.tests) {
      const variants = [run.variant, variant].filter((each) => each !== undefined).join(" / ");
      const name = `${id}${param === undefined ? "" : ` ${param}`}${variants === "" ? "" : ` (${variants})`}`;
      const key = `${id}\0${param ?? ""}\0${variants}`;
      const test = tests.get(key) ?? { name, seen: new Set() };
      test.seen.add(outcomes[status]);
      tests.set(key, test);
    }
  return [...tests.values()].map(({ name, seen }) => {
    if (seen.has("failed")) return { name, outcome: seen.has("passed") ? "warned" : "failed" };
    return { name, outcome: (["passed", "skipped", "rested"] as const).find((each) => seen.has(each))! };
  });
}

async function bytesOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

function decoded<T>(file: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new UserError(`${file} cannot be used: ${(error as Error).message}`);
  }
}
