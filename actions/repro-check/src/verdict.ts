/** From what was compared to a verdict, with its scope in words. */
import type { Comparison, VariationName, VariationReport } from "@goatnote/build-comparison";

export type Verdict = "identical" | "different" | "not-checked";

/** What the reader is told of the whole check. */
export interface Outcome {
  verdict: Verdict;
  /** One sentence, which names the scope. */
  sentence: string;
}

const listed = (names: readonly string[]): string => names.join(", ").replace(/, ([^,]*)$/, " and $1");

/** The variations of which it was seen that they are in effect. */
export const appliedOf = (variations: readonly VariationReport[]): VariationName[] =>
  variations.filter(({ status }) => status === "applied").map(({ name }) => name);

/**
 * @param named variations that the user asked for by name, each of which has to be in effect
 * @param reference whether the result equals the published one; undefined without one
 */
export function judge(
  { differences }: Pick<Comparison, "differences">,
  variations: readonly VariationReport[],
  named: readonly VariationName[],
  reference: { equal: boolean; name: string } | undefined,
): Outcome {
  const applied = appliedOf(variations);
  const scope = applied.length > 0 ? `varied ${listed(applied)}` : "two builds under equal conditions";
  if (differences.length > 0) {
    const count = differences.length === 1 ? "1 path differs" : `${differences.length} paths differ`;
    return { verdict: "different", sentence: `${count} between the two builds (${scope}).` };
  }
  if (reference && !reference.equal)
    return {
      verdict: "different",
      sentence: `The two builds are identical (${scope}), and what is published in ${reference.name} is not the same.`,
    };
  const without = named.filter((name) => !applied.includes(name));
  if (without.length > 0)
    return {
      verdict: "not-checked",
      sentence: `Asked for by name and not in effect: ${listed(without)}. Nothing differed, which says nothing about it.`,
    };
  const asked = variations.some(({ status }) => status !== "not-asked");
  if (asked && applied.length === 0)
    return { verdict: "not-checked", sentence: "No variation could be put into effect on this machine." };
  const published = reference ? `, nor from what is published in ${reference.name}` : "";
  return { verdict: "identical", sentence: `No difference found (${scope})${published}.` };
}
