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

/** The part of a row that does not depend on a machine, with the causes that were named. */
const rowOf = ({ name, leak }: Animal, causes: readonly Cause[]): string =>
  `| ${name} | ${leak || "nothing"} | ${[...causes].sort().join(", ") || "identical"} |`;

/** As it has to be. */
export const row = (animal: Animal): string => rowOf(animal, animal.causes);

/** What the table says in numbers, counted from its rows. */
export interface Totals {
  leaky: number;
  clean: number;
  ours: { leaky: number; clean: number };
  reprotest: { leaky: number; clean: number };
}

// What brings a difference about is told of each that was found, and of no other.
const columns = (line: string): string[] => line.split("|").map((column) => column.trim());

/** @param text of the page */
export function totalsOf(animals: readonly Animal[], text: string): Totals {
  const lines = text.split("\n").filter((line) => animals.some(({ name }) => line.startsWith(`| ${name} |`)));
  const clean = lines.filter((line) => columns(line)[2] === "nothing");
  const leaky = lines.filter((line) => !clean.includes(line));
  const count = (of: string[], column: number, wanted: (text: string) => boolean): number =>
    of.filter((line) => wanted(columns(line)[column] ?? "")).length;
  return {
    leaky: leaky.length,
    clean: clean.length,
    ours: { leaky: count(leaky, 4, (by) => by !== ""), clean: count(clean, 4, (by) => by === "") },
    reprotest: {
      leaky: count(leaky, 5, (told) => told === "differs"),
      clean: count(clean, 5, (told) => told === "identical"),
    },
  };
}

/** The lines that state them. */
export const totalLines = ({ leaky, clean, ours, reprotest }: Totals): string =>
  [
    `| repro-check | ${ours.leaky} of ${leaky} | ${ours.clean} of ${clean} |`,
    `| reprotest | ${reprotest.leaky} of ${leaky} | ${reprotest.clean} of ${clean} |`,
  ].join("\n");

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
    return [{ animal, line: `${rowOf(animal, visit.causes)} ${by} | ${told(visit.reprotest)} |` }];
  });
  const lines = rows.map(({ line }) => line).join("\n");
  return `<!-- Written by \`REMAKE_ZOO=1 npx vitest run test/reproducibility\`. -->
# What the check finds

${rows.length} small builds with real tools (test/reproducibility/zoo.ts), each checked under all variations and bisected, on Linux. Beside it what Debian's reprotest 0.7.23 says of the same build with its default variations; it varies the user only when others are named, which is not done here.

| | builds that leak, found | clean builds, found identical |
| --- | --- | --- |
${totalLines(totalsOf(animals, lines))}

| build | what leaks | cause named | brought about by | reprotest |
| --- | --- | --- | --- | --- |
${lines}
`;
}
