import { registerHooks } from "node:module";

// The official parser imports its JSON schemas without the `type: "json"` attribute that Node asks for.
registerHooks({
  load: (url, context, next) =>
    /\/@actions\/workflow-parser\/.*\.json$/.test(url)
      ? next(url, { ...context, importAttributes: { type: "json" } })
      : next(url, context),
});

const [workflow, conditions, { NoOperationTraceWriter }] = await Promise.all([
  import("@actions/workflow-parser"),
  import("@actions/workflow-parser/model/converter/if-condition"),
  import("@actions/workflow-parser/templates/trace-writer"),
]);

/** Everything that is wrong with a workflow file by GitHub's own schema, and with its jobs' `needs`. */
export async function workflowErrors(name: string, content: string): Promise<string[]> {
  const { context, value } = workflow.parseWorkflow({ name, content }, new NoOperationTraceWriter());
  if (value) await workflow.convertWorkflowTemplate(context, value);
  return context.errors.getErrors().map(({ message }) => message);
}

export const { ensureStatusFunction } = conditions;
