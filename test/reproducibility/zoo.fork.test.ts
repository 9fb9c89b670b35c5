/**
 * What the check finds in a zoo of builds with real tools: every leak that is there, its cause, and the variation that
 * brings it about; nothing where nothing leaks. With `REMAKE_ZOO=1` it bisects over all variations, asks Debian's
 * reprotest as well, and writes the table of the documentation.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type VariationName, variationNames } from "@goatnote/build-comparison";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { checkFolder, project } from "./check.ts";
import { reprotest } from "./reprotest.ts";
import { row, table, totalLines, totalsOf, type Visit } from "./table.ts";
import { onPath } from "./tools.ts";
import { type Animal, zoo } from "./zoo.ts";

const remake = process.env.REMAKE_ZOO === "1";
const page = join(import.meta.dirname, "../../packages/build-comparison/zoo.md");
const visits: Visit[] = [];

describe.concurrent("the zoo", () => {
  for (const animal of zoo) {
    const missing = animal.tools.filter((tool) => !onPath(tool));
    test(animal.name, { timeout: 600_000 }, async ({ skip, expect }) => {
      if (missing.length > 0) {
        if (process.env.REQUIRE_PEERS === "1") throw new Error(`needs ${missing.join(", ")}`);
        skip(`needs ${missing.join(", ")}`);
      }
      const visit = await visitAnimal(animal);
      visits.push(visit);
      const needed = animal.by === undefined || animal.by === "always" ? undefined : animal.by;
      // A machine that cannot vary this cannot find it either, and says so.
      if (needed && visit.unavailable.includes(needed)) {
        if (process.env.REQUIRE_PEERS === "1") throw new Error(`this machine cannot vary ${needed}`);
        skip(`this machine cannot vary ${needed}`);
      }
      const by = remake && needed ? expect.arrayContaining([needed]) : animal.by === undefined ? [] : [animal.by];
      // Identical under what? A clean build has met every variation that the machine allows.
      if (animal.causes.length === 0) expect(visit.unavailable).toEqual(await unavailableHere());
      expect(visit).toMatchObject({ found: animal.causes.length > 0, causes: [...animal.causes].sort(), by });
    });
  }
});

/** What this machine cannot vary at all, as a build that depends on nothing tells. */
let here: Promise<VariationName[]> | undefined;
function unavailableHere(): Promise<VariationName[]> {
  here ??= (async () => {
    const { folder, remove } = project({ a: "a\n", b: "b\n" });
    try {
      const told = await checkFolder(
        folder,
        { build: "cat a b > out", artifacts: ["out"] },
        ({ variations }) => variations,
      );
      if (process.env.REQUIRE_PEERS === "1") expect(told.filter(({ status }) => status !== "applied")).toEqual([]);
      return told.filter(({ status }) => status !== "applied").map(({ name }) => name);
    } finally {
      remove();
    }
  })();
  return here;
}

/** Of the bisection, only the variation that is looked for and one that has nothing to do with it are tried. */
const pairOf = (by: VariationName): VariationName[] => [by, by === "kernel" ? "hostname" : "kernel"];

async function visitAnimal(animal: Animal): Promise<Visit> {
  const { folder, remove } = project(animal.files);
  const tried = animal.by === undefined || animal.by === "always" || remake ? variationNames : pairOf(animal.by);
  const bisect = animal.causes.length > 0 ? tried : undefined;
  try {
    const seen = await checkFolder(
      folder,
      {
        build: animal.build,
        artifacts: [animal.artifact],
        ...(bisect && { bisect }),
        // The one that needs a locale has it made.
        ...(animal.by === "locale" && { environment: {} }),
      },
      ({ variations }, { differences, findings }) => {
        const own = findings.filter(({ derived }) => !derived);
        return {
          animal,
          found: differences.length > 0,
          causes: [...new Set(own.flatMap(({ causes }) => causes))].sort(),
          by: [...new Set(own.flatMap(({ always, provokedBy }) => (always ? ["always" as const] : provokedBy)))],
          unavailable: variations.filter(({ status }) => status !== "applied").map(({ name }) => name),
        };
      },
    );
    return { ...seen, reprotest: remake ? await reprotest(folder, animal) : undefined };
  } finally {
    remove();
  }
}

if (remake) {
  let failed = false;
  afterEach(({ task }) => {
    failed ||= task.result?.state === "fail";
  });
  // A table of what went wrong would look like one of what is.
  afterAll(() => {
    if (!failed) writeFileSync(page, table(zoo, visits, readFileSync(page, "utf8")));
  });
} else {
  describe("the table of the documentation", () => {
    const text = readFileSync(page, "utf8");

    test("names every build, its leak and its cause, and no other", () => {
      expect(zoo.map(row).filter((line) => !text.includes(line))).toEqual([]);
      // With the head of the table, which is two lines.
      expect(text.match(/^\| [\w-]+ \|.*\|.*\|.*\|.*\|$/gm)).toHaveLength(zoo.length + 2);
    });

    test("counts its rows, and finds more than reprotest", () => {
      const totals = totalsOf(zoo, text);
      expect(text).toContain(totalLines(totals));
      expect(totals.ours).toEqual({ leaky: totals.leaky, clean: totals.clean });
      expect(totals.leaky + totals.clean).toBe(zoo.length);
      expect(totals.ours.leaky).toBeGreaterThan(totals.reprotest.leaky);
    });
  });
}
