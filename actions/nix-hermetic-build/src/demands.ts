/** What the caller asked of the result. */
import { UserError } from "@goatnote/action-io";
import { chainTo, type KnownPath, nameOf } from "@goatnote/nix-store";
import type { Inputs } from "./inputs.ts";
import type { Facts } from "./report.ts";

/** @throws UserError that names each demand that is not met */
export function demand(inputs: Inputs, facts: Facts, closure: readonly KnownPath[], outputs: readonly string[]): void {
  const problems: string[] = [];
  const limit = inputs["max-closure-size"];
  if (limit !== null && facts.closure.size > limit * 1e6)
    problems.push(
      `The runtime closure has ${(facts.closure.size / 1e6).toFixed(1)} MB, more than max-closure-size (${limit} MB). The summary lists the largest paths.`,
    );
  for (const pattern of inputs["forbidden-references"]) problems.push(...forbidden(pattern, closure, outputs));
  if (inputs["require-hermetic"] && !facts.hermetic)
    problems.push(`The build is not proven hermetic. ${facts.hermetic_reasons.join(" ")}`);
  if (problems.length > 0) throw new UserError(problems.join("\n"));
}

/** Each path that a pattern names, with the chain that pulls it in. */
function forbidden(pattern: string, closure: readonly KnownPath[], outputs: readonly string[]): string[] {
  const literal = (part: string): string => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  const matches = new RegExp(`^${pattern.split("*").map(literal).join(".*")}$`);
  return closure
    .filter(({ path }) => matches.test(nameOf(path)))
    .map(({ path }) => {
      const chain = outputs.map((from) => chainTo(closure, from, path)).find((each) => each.length > 0) ?? [path];
      return `${nameOf(path)} is in the runtime closure, and forbidden-references names ${pattern}: ${chain.map(nameOf).join(" → ")}`;
    });
}
