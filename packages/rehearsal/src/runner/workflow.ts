import { parseDocument } from "yaml";
import type { Permission, Permissions } from "../backend/tokens.ts";
import { Unsupported } from "./errors.ts";
import { workflowErrors } from "./official.ts";

export interface Defaults {
  run?: { shell?: string; "working-directory"?: string };
}

export interface Step {
  id?: string;
  name?: string;
  if?: string | boolean;
  run?: string;
  shell?: string;
  "working-directory"?: string;
  uses?: string;
  with?: Record<string, unknown>;
  env?: Record<string, unknown> | string;
  "continue-on-error"?: boolean | string;
  "timeout-minutes"?: number | string;
}

export interface Job {
  name?: string;
  needs?: string | string[];
  if?: string | boolean;
  "runs-on"?: unknown;
  env?: Record<string, unknown> | string;
  defaults?: Defaults;
  permissions?: string | Record<string, string>;
  environment?: string | { name: string };
  strategy?: { matrix?: unknown; "fail-fast"?: unknown; "max-parallel"?: unknown };
  outputs?: Record<string, string>;
  "continue-on-error"?: boolean | string;
  "timeout-minutes"?: number | string;
  steps: Step[];
}

export interface Workflow {
  name?: string;
  "run-name"?: string;
  on: string | string[] | Record<string, unknown>;
  env?: Record<string, unknown> | string;
  defaults?: Defaults;
  permissions?: string | Record<string, string>;
  jobs: Record<string, Job>;
}

const refusedOfJobs = {
  uses: "reusable workflows",
  container: "containers",
  services: "services",
  snapshot: "image snapshots",
};
const refusedOfSteps = {
  background: "background steps",
  wait: "wait steps",
  "wait-all": "wait-all steps",
  cancel: "cancel steps",
  parallel: "parallel steps",
};

/**
 * Reads a workflow. Values come from the YAML itself, since the official parser keeps the indentation of a block that
 * has an expression in it; the official parser judges whether the file is valid.
 * @throws Unsupported for what the rehearsal refuses; Error with all findings when the file is invalid.
 */
export async function readWorkflow(name: string, content: string): Promise<Workflow> {
  // What is wrong with the YAML is in the findings below.
  const workflow = parseDocument(content).toJS() as Workflow;
  for (const [id, job] of Object.entries(workflow?.jobs ?? {})) {
    refuse(job, refusedOfJobs, `job ${id}`);
    for (const [index, step] of (job?.steps ?? []).entries())
      refuse(step, refusedOfSteps, `job ${id}, step ${index + 1}`);
  }
  const errors = await workflowErrors(name, content);
  if (errors.length > 0) throw new Error(`${name} is not a valid workflow:\n${errors.join("\n")}`);
  return workflow;
}

/** Refuses the keys of a table by their name. */
function refuse(node: object, table: Record<string, string>, where: string): void {
  for (const [key, what] of Object.entries(table))
    if (node && key in node) throw new Unsupported(what, `${where}: ${key}`);
}

/** Refuses what a composite's step may not have here either. */
export function refuseInStep(step: Step, where: string): void {
  refuse(step, refusedOfSteps, where);
}

/** Job ids in `needs`, as a list. */
export function needsOf(job: Job): string[] {
  return typeof job.needs === "string" ? [job.needs] : (job.needs ?? []);
}

const allPermissions: Permission[] = [
  "actions",
  "artifact-metadata",
  "attestations",
  "checks",
  "contents",
  "deployments",
  "discussions",
  "id-token",
  "issues",
  "models",
  "packages",
  "pages",
  "pull-requests",
  "repository-projects",
  "security-events",
  "statuses",
];

/** What a job's token may do. GitHub's default for new repositories; a pull request from a fork gets no write at all. */
export function permissionsOf(workflow: Workflow, job: Job, fromFork: boolean): Permissions {
  const asked = job.permissions ?? workflow.permissions ?? { contents: "read", packages: "read" };
  const level = asked === "read-all" ? "read" : "write";
  const given =
    typeof asked === "string" ? Object.fromEntries(allPermissions.map((name) => [name, level])) : { ...asked };
  if (asked === "read-all") delete given["id-token"];
  const restricted = Object.entries(given).map(([name, value]) =>
    fromFork && value === "write" ? [name, name === "id-token" ? "none" : "read"] : [name, value],
  );
  return Object.fromEntries(restricted) as Permissions;
}
