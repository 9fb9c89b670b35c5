/**
 * Which jobs of a workflow run the code of a pull request, and whether one of them holds what it could steal or spoil: a token
 * that writes, a secret, or a cache that trusted jobs read. Where it cannot be told, a job counts as running that code.
 */
import { parse } from "yaml";
import { evaluate } from "../packages/rehearsal/src/runner/expressions.ts";

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}
type Permissions = string | Record<string, string> | undefined;
interface Job {
  if?: string | boolean;
  permissions?: Permissions;
  uses?: string;
  secrets?: unknown;
  steps?: Step[];
}
interface Workflow {
  on: string | string[] | Record<string, unknown>;
  permissions?: Permissions;
  jobs: Record<string, Job>;
}

/** Events of pull requests. Of the second kind the workflow is the base's, with its secrets, and its caches are the default branch's. */
const ofTheChange = ["pull_request", "merge_group"];
const ofTheBase = [
  "pull_request_target",
  "pull_request_review",
  "pull_request_review_comment",
  "issue_comment",
  "workflow_run",
];

/** Actions that restore a cache and save it, unless told otherwise, and what tells them. */
const caches: [RegExp, (inputs: Record<string, unknown>) => boolean][] = [
  [/^actions\/cache(\/|@)/, () => true],
  [/^actions\/setup-node@/, (inputs) => Boolean(inputs.cache) || String(inputs["package-manager-cache"]) !== "false"],
  [/^actions\/setup-(python|java)@/, (inputs) => Boolean(inputs.cache)],
  [/^actions\/setup-go@/, (inputs) => String(inputs.cache) !== "false"],
  [/^astral-sh\/setup-uv@/, (inputs) => String(inputs["enable-cache"]) !== "false"],
];

const usesCache = ({ steps = [] }: Job): boolean =>
  steps.some(({ uses = "", with: inputs = {} }) =>
    caches.some(([name, caching]) => name.test(uses) && caching(inputs)),
  );

const writes = (permissions: Permissions): boolean =>
  typeof permissions === "string"
    ? permissions !== "read-all"
    : permissions === undefined || Object.values(permissions).includes("write");

const holdsSecret = (job: Job): boolean => {
  const { secrets, ...rest } = job;
  return secrets !== undefined || /\bsecrets\s*[.[]|toJSON\(\s*secrets/i.test(JSON.stringify(rest));
};

/** Whether a job can start by an event, as far as its condition asks for nothing but the event's name and the ref. */
function mayStart(job: Job, event: string): boolean {
  const condition = String(job.if ?? "true").replace(/^\s*\$\{\{([\s\S]*)\}\}\s*$/, "$1");
  const unknown = condition.replace(
    /'[^']*'|github\.(event_name|ref)\b|\b(always|success|failure|cancelled|true|false)\b/g,
    "",
  );
  if (/[a-z]/i.test(unknown)) return true;
  const yes = () => true;
  const functions = { always: yes, success: yes, failure: yes, cancelled: () => false };
  const github = { event_name: event, ref: "refs/pull/1/merge" };
  const value = evaluate(`\${{ ${condition} }}`, { github }, functions);
  return Boolean(value);
}

/** Whether a job runs what a pull request brings. */
function runsTheChange(job: Job, event: string): boolean {
  const steps = job.steps ?? [];
  const local = [job.uses ?? "", ...steps.map(({ uses = "" }) => uses)].some((uses) => /^(\.|\$)\//.test(uses));
  const checkouts = steps.filter(({ uses = "" }) => uses.startsWith("actions/checkout@"));
  if (ofTheChange.includes(event)) return local || checkouts.length > 0;
  // The base's workflow: only what is fetched on purpose is the pull request's, as a commit or as files its run has left.
  const expressions = checkouts.some(({ with: inputs = {} }) => /\$\{\{/.test(`${inputs.ref} ${inputs.repository}`));
  const fetched = steps.some(({ run = "" }) =>
    /gh pr checkout|pull\/|gh run download|\bhead[._](sha|ref|branch)/i.test(run),
  );
  const downloads = steps.findIndex(({ uses = "" }) => /download-artifact@/.test(uses));
  const runsAfter = downloads >= 0 && steps.slice(downloads).some(({ run }) => run !== undefined);
  return expressions || fetched || runsAfter;
}

/** What is wrong with a workflow, one sentence for each job and danger. */
export function dangers(text: string): string[] {
  const workflow = parse(text) as Workflow;
  const { on } = workflow;
  const events = typeof on === "string" ? [on] : Array.isArray(on) ? on : Object.keys(on);
  return Object.entries(workflow.jobs).flatMap(([name, job]) => {
    const permissions = job.permissions ?? workflow.permissions;
    const starts = events.filter((event) => [...ofTheChange, ...ofTheBase].includes(event) && mayStart(job, event));
    const running = starts.filter((event) => runsTheChange(job, event));
    const found: string[] = [];
    const [event] = running;
    if (event && writes(permissions)) found.push(`runs the code of a ${event} with a token that writes`);
    if (event && holdsSecret(job)) found.push(`runs the code of a ${event} with a secret`);
    const base = running.find((each) => ofTheBase.includes(each));
    if (base && usesCache(job)) found.push(`runs the code of a ${base} with the default branch's cache`);
    if ((writes(permissions) || holdsSecret(job)) && usesCache(job))
      found.push("reads a cache, which other jobs fill, with a token that writes or a secret");
    return found.map((danger) => `job ${name} ${danger}`);
  });
}
