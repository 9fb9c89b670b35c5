/** What verifying asks of GitHub when it may: bundles of its store, and how the run that signed ended. */
import { createHash } from "node:crypto";
import { say, type WorkflowContext } from "@goatnote/action-io";
import {
  type BundleSource,
  listAttestations,
  type Policy,
  type Rule,
  rule,
  runConclusion,
  type Signed,
  type Subject,
} from "@goatnote/attestation";

const patienceMs = 60_000;
const attemptMs = 30_000;

export function onlineStore(token: string, policy: Policy, context: WorkflowContext) {
  const { apiUrl } = context;
  const repository = policy.sourceRepository ?? context.repository;
  const patience = { retryMs: patienceMs, attemptMs, say };
  return {
    /** Every bundle that the store has about the subjects, each once. */
    async bundlesAbout(subjects: readonly Subject[]): Promise<BundleSource[]> {
      const found = new Map<string, BundleSource>();
      for (const { digest } of subjects) {
        const [[algorithm, hex] = ["", ""]] = Object.entries(digest);
        for (const json of await listAttestations({ apiUrl, repository, token }, `${algorithm}:${hex}`, patience)) {
          const sha256 = createHash("sha256").update(JSON.stringify(json)).digest("hex");
          found.set(sha256, { source: `GitHub's store of ${repository}`, json, sha256 });
        }
      }
      return [...found.values()];
    },

    /** A run that failed may have left good-looking attestations, such as when its build was taken over. */
    async runRules({ identity }: Signed): Promise<Rule[]> {
      const wanted = "success";
      const [, owner, id, attempt] =
        identity.run?.slice(policy.server.length).match(/^\/([^/]+\/[^/]+)\/actions\/runs\/(\d+)\/attempts\/(\d+)$/) ??
        [];
      if (!owner || !id || !attempt)
        return [rule("run", false, wanted, identity.run, "The certificate does not say which run signed.")];
      if (owner === context.repository && id === context.runId && Number(attempt) === context.runAttempt)
        return [rule("run", true, wanted, "this very run, which has not ended")];
      const conclusion = await runConclusion({ apiUrl, repository: owner, token }, id, attempt, patience);
      return [
        rule(
          "run",
          conclusion === wanted,
          wanted,
          conclusion ?? "not ended",
          "Do not use what a run built that did not succeed.",
        ),
      ];
    },
  };
}
