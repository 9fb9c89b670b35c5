/** The zoo as a table: what each build leaks, what was found, and what reprotest found. */
import type { Cause, VariationName } from "@goatnote/build-comparison";
import type { Animal } from "./zoo.ts";

/** What came of one build. */
export interface Visit {
  animal: Animal;
  found: boolean;
  causes: Cause[];
  by: (VariationName | "always")[];
  /** Variations that this machine could not put into effect. */
  unavailable: VariationName[];
  /** Undefined where it was not asked. */
  reprotest?: boolean | string | undefined;
}

/** The part of a row that does not depend on a machine. */
export const row = ({ name, leak, causes }: Animal): string =>
  `| ${name} | ${leak || "nothing"} | ${[...causes].sort().join(", ") || "identical"} |`;

export function table(visits: readonly Visit[]): string {
  const leaky = visits.filter(({ animal }) => animal.causes.length > 0);
  const clean = visits.filter(({ animal }) => animal.causes.length === 0);
  const foundBy = (of: readonly Visit[], found: (visit: Visit) => boolean): number => of.filter(found).length;
  const beside = (found: Visit["reprotest"]): string =>
    typeof found === "string" ? found : found ? "differs" : "identical";
  const rows = visits.map((visit) => {
    const by = visit.by.includes("always") ? "every build" : visit.by.join(", ");
    return `${row(visit.animal)} ${by} | ${beside(visit.reprotest)} |`;
  });
  return `<!-- Written by \`REMAKE_ZOO=1 npx vitest run test/reproducibility\`. -->
# What the check finds

${visits.length} small builds with real tools (test/reproducibility/zoo.ts), each checked under all variations and bisected, on Linux. Beside it what Debian's reprotest 0.7.23 says of the same build with its default variations; it varies the user only when others are named, which is not done here.

| | builds that leak, found | clean builds, found identical |
| --- | --- | --- |
| repro-check | ${foundBy(leaky, ({ found }) => found)} of ${leaky.length} | ${foundBy(clean, ({ found }) => !found)} of ${clean.length} |
| reprotest | ${foundBy(leaky, (visit) => visit.reprotest === true)} of ${leaky.length} | ${foundBy(clean, (visit) => visit.reprotest === false)} of ${clean.length} |

| build | what leaks | cause named | brought about by | reprotest |
| --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}
