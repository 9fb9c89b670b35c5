import type { Event } from "./triggers.ts";
import type { Workflow } from "./workflow.ts";

type Value = string | boolean | number;
interface Declared {
  type?: string;
  required?: boolean;
  default?: Value;
  options?: string[];
}

/** The inputs of a workflow_dispatch, with defaults and types. Throws when one is missing, unknown or not allowed. */
export function dispatchInputs(workflow: Workflow, event: Event, given: Record<string, Value>): Record<string, Value> {
  if (event.name !== "workflow_dispatch") return {};
  const on = workflow.on as Record<string, { inputs?: Record<string, Declared> } | null>;
  const declared = (typeof on === "object" && on.workflow_dispatch?.inputs) || {};
  const sent = { ...(event.payload.inputs as Record<string, Value> | undefined), ...given };
  for (const name of Object.keys(sent)) if (!(name in declared)) throw new Error(`Unexpected inputs provided: ${name}`);
  return Object.fromEntries(
    Object.entries(declared).map(([name, { type, required, default: fallback, options }]) => {
      const value = sent[name] ?? fallback;
      if (required && (value === undefined || value === "")) throw new Error(`Required input '${name}' not provided`);
      if (type === "choice" && value !== undefined && options && !options.includes(String(value)))
        throw new Error(`Provided value '${value}' for input '${name}' not in the list of allowed values`);
      return [name, type === "boolean" ? String(value) === "true" : type === "number" ? Number(value) : (value ?? "")];
    }),
  );
}
