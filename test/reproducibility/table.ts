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

/**
 * @param before the table as it was: rows of builds that were not visited stay, so that one build can be looked at alone
 */
export function table(animals: readonly Animal[], visits: readonly Visit[], before: string): string {
  const told = (found: Visit["reprotest"]): string =>
    typeof found === "string" ? found : found ? "differs" : "identical";
  const rows = animals.flatMap((animal) => {
    const visit = visits.find((each) => each.animal.name === animal.name);
    const kept = before.split("\n").find((line) => line.startsWith(row(animal)));
    if (!visit) return kept === undefined ? [] : [{ animal, line: kept }];
    const by = visit.by.includes("always") ? "every build" : visit.by.join(", ");
    return [{ animal, line: `${row(animal)} ${by} | ${told(visit.reprotest)} |` }];
  });
  const leaky = rows.filter(({ animal }) => animal.causes.length > 0);
  const clean = rows.filter(({ animal }) => animal.causes.length === 0);
  // What brings a difference about is told of each that was found, and of no other.
  const columns = ({ line }: { line: string }): string[] => line.split("|").map((column) => column.trim());
  const differs = (each: { line: string }): boolean => columns(each)[4] !== "";
  const peer = (of: typeof rows, answer: string): number => of.filter((each) => columns(each)[5] === answer).length;
  return `<!-- Written by \`REMAKE_ZOO=1 npx vitest run test/reproducibility\`. -->
# What the check finds

${rows.length} small builds with real tools (test/reproducibility/zoo.ts), each checked under all variations and bisected, on Linux. Beside it what Debian's reprotest 0.7.23 says of the same build with its default variations; it varies the user only when others are named, which is not done here.

| | builds that leak, found | clean builds, found identical |
| --- | --- | --- |
| repro-check | ${leaky.filter(differs).length} of ${leaky.length} | ${clean.filter((each) => !differs(each)).length} of ${clean.length} |
| reprotest | ${peer(leaky, "differs")} of ${leaky.length} | ${peer(clean, "identical")} of ${clean.length} |

| build | what leaks | cause named | brought about by | reprotest |
| --- | --- | --- | --- | --- |
${rows.map(({ line }) => line).join("\n")}
`;
}
