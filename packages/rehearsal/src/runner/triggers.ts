import { execFileSync } from "node:child_process";
import type { Workflow } from "./workflow.ts";

export interface Event {
  name: string;
  /** The webhook's payload, as GitHub documents it for the event. */
  payload: Record<string, unknown>;
}

type Filters = Record<string, string[] | string | undefined>;
const defaultTypes: Record<string, string[]> = {
  pull_request: ["opened", "synchronize", "reopened"],
  pull_request_target: ["opened", "synchronize", "reopened"],
};

/**
 * Why this event does not start the workflow, or null when it does.
 * @param git the repository's folder, asked for changed files where there are path filters
 */
export function whyNotTriggered(workflow: Workflow, event: Event, ref: string, git: string): string | null {
  const on = workflow.on;
  const events: Record<string, unknown> =
    typeof on === "string"
      ? { [on]: null }
      : Array.isArray(on)
        ? Object.fromEntries(on.map((name) => [name, null]))
        : on;
  if (!(event.name in events)) return `it starts on ${Object.keys(events).join(", ")}, not on ${event.name}`;
  const filters = (events[event.name] ?? {}) as Filters;
  const { action } = event.payload as { action?: string };
  const types = filters.types ? list(filters.types) : defaultTypes[event.name];
  if (types && action && !types.includes(action)) return `${event.name} does not include the type ${action}`;
  const tag = ref.startsWith("refs/tags/") ? ref.slice("refs/tags/".length) : null;
  const branch = tag === null ? branchOf(event, ref) : null;
  const names = (key: string) => (filters[key] === undefined ? null : list(filters[key]));
  if (event.name === "push") {
    const [branches, tags] = [names("branches") ?? names("branches-ignore"), names("tags") ?? names("tags-ignore")];
    if (tag !== null && branches && !tags) return `it starts on branches, not on the tag ${tag}`;
    if (branch !== null && tags && !branches) return `it starts on tags, not on the branch ${branch}`;
  }
  for (const [name, plural] of [
    [branch, "branches"],
    [tag, "tags"],
  ] as const) {
    if (name === null) continue;
    if (names(plural) && !selects(names(plural)!, name)) return `${plural} does not match ${name}`;
    if (names(`${plural}-ignore`) && selects(names(`${plural}-ignore`)!, name))
      return `${plural}-ignore matches ${name}`;
  }
  const workflows = names("workflows");
  const source = (event.payload.workflow_run as { name?: string } | undefined)?.name;
  if (workflows && !workflows.includes(source ?? "")) return `workflows does not include ${source}`;
  const [paths, ignored] = [names("paths"), names("paths-ignore")];
  if (tag === null && (paths || ignored)) {
    const files = changedFiles(event, git);
    if (paths && !files.some((file) => selects(paths, file))) return "no changed file matches paths";
    if (ignored && files.every((file) => selects(ignored, file))) return "all changed files match paths-ignore";
  }
  return null;
}

const list = (value: string[] | string) => (Array.isArray(value) ? value : [value]);

function branchOf(event: Event, ref: string): string {
  const pull = event.payload.pull_request as { base?: { ref?: string } } | undefined;
  const run = event.payload.workflow_run as { head_branch?: string } | undefined;
  return pull?.base?.ref ?? run?.head_branch ?? ref.replace(/^refs\/heads\//, "");
}

function changedFiles({ payload }: Event, git: string): string[] {
  const pull = payload.pull_request as { base: { sha: string }; head: { sha: string } } | undefined;
  const { before, after } = payload as { before?: string; after?: string };
  const range = pull ? `${pull.base.sha}...${pull.head.sha}` : `${before}..${after}`;
  const known = pull || (before && after && !/^0+$/.test(before));
  const args = known ? ["diff", "--name-only", "-z", range] : ["ls-tree", "-r", "--name-only", "-z", after ?? "HEAD"];
  return execFileSync("git", ["-C", git, ...args], { encoding: "utf8" })
    .split("\0")
    .filter(Boolean);
}

/** The last pattern that matches decides; one with `!` takes out again. */
function selects(patterns: string[], name: string): boolean {
  return patterns.reduce((selected, pattern) => {
    const negated = pattern.startsWith("!");
    return filterPattern(negated ? pattern.slice(1) : pattern).test(name) ? !negated : selected;
  }, false);
}

/** GitHub's filter pattern as a regular expression: `*` stays in a segment, `**` does not, `?` and `+` count what is before them. */
export function filterPattern(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/|\*\*|\*|\\.|[.^$(){}|/]/g, (part) =>
    part === "**/"
      ? "(?:.*/)?"
      : part === "**"
        ? ".*"
        : part === "*"
          ? "[^/]*"
          : part.startsWith("\\")
            ? part
            : `\\${part}`,
  );
  return new RegExp(`^${source}$`);
}
