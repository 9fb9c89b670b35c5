/** From what was compared to a verdict, with its scope in words. */
import type { Comparison, NixChecked, VariationName, VariationReport } from "@goatnote/build-comparison";
import { type ReferenceResult, unequalIn } from "./reference.ts";

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
 * @param reference how the result compares with the published one; undefined without one
 * @param caveats what both builds may have shared
 */
export function judge(
  { differences }: Pick<Comparison, "differences">,
  variations: readonly VariationReport[],
  named: readonly VariationName[],
  reference: ReferenceResult | undefined,
  caveats: readonly string[] = [],
): Outcome {
  const applied = appliedOf(variations);
  const scope = applied.length > 0 ? `varied ${listed(applied)}` : "two builds under equal conditions";
  if (differences.length > 0) {
    const count = differences.length === 1 ? "1 path differs" : `${differences.length} paths differ`;
    return { verdict: "different", sentence: `${count} between the two builds (${scope}).` };
  }
  if (reference && !reference.equal) {
    const { verdict, words } = unequalIn(reference);
    return {
      verdict,
      sentence: `The two builds are identical (${scope}), and what is published in ${reference.name} is not the same: ${words}.`,
    };
  }
  const without = named.filter((name) => !applied.includes(name));
  if (without.length > 0)
    return {
      verdict: "not-checked",
      sentence: `Asked for by name and not in effect: ${listed(without)}. Nothing differed, which says nothing about it.`,
    };
  const asked = variations.some(({ status }) => status !== "not-asked");
  if (asked && applied.length === 0)
    return { verdict: "not-checked", sentence: "No variation could be put into effect on this machine." };
  const left =
    reference && reference.notBuilt.length > 0
      ? `, of which ${reference.notBuilt.length} that this build does not make were not compared`
      : "";
  const published = reference ? `, nor from what is published in ${reference.name}${left}` : "";
  const though = caveats.length > 0 ? `, though ${listed(caveats)}` : "";
  return { verdict: "identical", sentence: `No difference found (${scope})${published}${though}.` };
}

/**
 * For what Nix builds. What differs anywhere in the build closure makes it different; that nothing differs counts only when
 * what was asked for was built again, and all else that was tried.
 */
export function judgeNix(
  {
    derivations,
    roots,
    variations,
  }: Pick<NixChecked, "derivations" | "variations"> & {
    roots: readonly { derivation: string }[];
  },
  named: readonly VariationName[],
): Outcome {
  const applied = appliedOf(variations);
  const scope = applied.length > 0 ? `varied ${listed(applied)}` : "built again under equal conditions";
  const different = derivations.filter(({ verdict }) => verdict === "different");
  const names = different.map(({ name }) => name);
  if (different.length > 0) {
    const some = names.length > 5 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
    const count = different.length === 1 ? "1 derivation differs" : `${different.length} derivations differ`;
    return { verdict: "different", sentence: `${count} (${scope}): ${listed(some)}.` };
  }
  const asked = roots.map(({ derivation }) => derivations.find((each) => each.derivation === derivation));
  const without = asked.find((each) => each?.verdict !== "identical");
  if (asked.length === 0 || asked.includes(undefined) || without)
    return {
      verdict: "not-checked",
      sentence: `${without?.name ?? "What was asked for"} was not built again: ${without?.detail || "nothing is known of it"}.`,
    };
  const tried = derivations.find(({ verdict, tried }) => tried && verdict === "not-checked");
  if (tried) return { verdict: "not-checked", sentence: `${tried.name} could not be built again: ${tried.detail}` };
  const outcome = judge({ differences: [] }, variations, named, undefined);
  if (outcome.verdict !== "identical") return outcome;
  const again = derivations.filter(({ verdict }) => verdict === "identical").length;
  const reasons = Map.groupBy(
    derivations.filter(({ verdict }) => verdict !== "identical"),
    ({ detail }) => detail,
  );
  const left = [...reasons].map(([detail, of]) => `${of.length} since ${detail}`);
  const rest = left.length > 0 ? `; not built again: ${left.join(", ")}` : "";
  const of = again === 1 ? "1 derivation" : `${again} derivations`;
  return { verdict: "identical", sentence: `No difference found in ${of} (${scope})${rest}.` };
}
