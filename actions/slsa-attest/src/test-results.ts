/** From the record of a test job, and the plan it followed, to a predicate. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { UserError } from "@goatnote/action-io";
import { type Claims, TEST_RESULT_TYPE, type TestOutcome, testResult } from "@goatnote/attestation";
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
  const executions = runs.flatMap(({ tests }) => tests);
  if (executions.length === 0) throw new UserError(`${segment} records no test, so there is no result to attest.`);
  const chosen = plan === "" ? undefined : await planOf(plan, runs);
  const run = {
    tests: outcomesOf(executions),
    url: `${server}/${claims.repository}/actions/runs/${claims.run_id}/attempts/${claims.run_attempt}`,
    record: { sha256: sha256(bytes) },
    complete: runs.every(({ report_complete }) => report_complete !== false),
    ...(chosen && { plan: chosen }),
  };
  return { type: TEST_RESULT_TYPE, content: testResult(run) };
}

async function planOf(file: string, runs: readonly Run[]) {
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

/** A test that failed and passed is flaky: it warns. */
function outcomesOf(executions: readonly Execution[]): TestOutcome[] {
  const byName = new Map<string, Set<TestOutcome["outcome"]>>();
  for (const { id, param, status } of executions) {
    const name = param === undefined ? id : `${id} ${param}`;
    byName.set(name, (byName.get(name) ?? new Set()).add(outcomes[status]));
  }
  return [...byName].map(([name, seen]) => {
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
