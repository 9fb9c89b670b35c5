import type { WorkflowContext } from "@goatnote/action-io";
import type { ChangeEvent } from "./resolve.ts";

/** What a run's context says of its change. A commit that the user chooses stands for the base of a pull request. */
export function changeEvent({ event, base, before, pullRequest }: WorkflowContext, chosen = ""): ChangeEvent {
  if (chosen !== "") return { name: event, base: chosen };
  return { name: event, base, before, head: pullRequest?.headSha ?? null };
}
