import type { RehearsalOptions, RehearsalResult } from "./runner/rehearse.ts";

export { type Backend, type BackendOptions, startBackend } from "./backend/backend.ts";
export { type Handler, Refusal, type Router } from "./backend/router.ts";
export { type Sigstore, type SigstoreOptions, startSigstore } from "./backend/sigstore/sigstore.ts";
export type { Artifact, CacheEntry, JobIdentity, PullRequest, Run, RunFacts, State } from "./backend/state.ts";
export type { Permission, Permissions } from "./backend/tokens.ts";
export { NotTriggered, Unsupported } from "./runner/errors.ts";
export type { JobResult } from "./runner/job.ts";
export type { StepResult } from "./runner/job-state.ts";
export type { Annotation } from "./runner/log.ts";
export type { RehearsalOptions, RehearsalResult } from "./runner/rehearse.ts";
export type { Event } from "./runner/triggers.ts";

/**
 * Runs a workflow on this machine with GitHub's semantics.
 * @throws NotTriggered, Unsupported, or Error for an invalid workflow; all before anything runs.
 */
export async function rehearse(options: RehearsalOptions): Promise<RehearsalResult> {
  // The official parser takes a quarter of a second to load, which tests of the back end alone need not wait for.
  const runner = await import("./runner/rehearse.ts");
  return runner.rehearse(options);
}
