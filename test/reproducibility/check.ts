/** The check on a folder of a test: builds in temporary folders, quietly. */
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { childEnvironment } from "@goatnote/action-io";
import {
  buildVaried,
  type Comparison,
  compareBuilds,
  examineMachine,
  listSources,
  type VariationName,
  type VariedBuilds,
  variationNames,
} from "@goatnote/build-comparison";
import { localeVariables, variablesOfMachine } from "./machine.ts";

/** A project on disk, and what a check needs beside it. */
export function project(files: Record<string, string>): { folder: string; remove: () => void } {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "zoo-")));
  const folder = join(base, "lab");
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return { folder, remove: () => rmSync(base, { recursive: true, force: true }) };
}

export interface CheckOptions {
  build: string;
  artifacts: string[];
  vary?: readonly VariationName[];
  /** The variations that a bisection tries; none without it. */
  bisect?: readonly VariationName[];
  /** What the machine is like beside this process's environment. */
  environment?: Record<string, string>;
}

/**
 * Builds a folder twice and compares.
 * @param look sees the builds before they are removed
 */
export async function checkFolder<T>(
  folder: string,
  { build, artifacts, vary = variationNames, bisect, environment = localeVariables() }: CheckOptions,
  look: (builds: VariedBuilds, comparison: Comparison) => Promise<T> | T,
): Promise<T> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "zoo-base-")));
  const cleaning: (() => Promise<void>)[] = [];
  try {
    mkdirSync(join(base, "workshop"));
    // Of its own: a check looks through the home before and after a build, and a developer's is large.
    const home = { HOME: mkdtempSync(join(base, "home-")) };
    const machine = await examineMachine(childEnvironment({ ...variablesOfMachine(), ...home, ...environment }));
    const sources = await listSources(folder, [], []);
    const workshop = {
      machine,
      sources,
      folder: join(base, "workshop"),
      onClean: (clean: () => Promise<void>) => void cleaning.push(clean),
    };
    const recipe = {
      sources,
      script: build,
      artifacts,
      machine,
      base,
      deadline: Date.now() + 300_000,
      mark: randomUUID(),
      cancelled: new AbortController().signal,
    };
    const builds = await buildVaried(
      recipe,
      workshop,
      vary,
      (_, run) => run(),
      () => {},
    );
    const variations = builds.variations.filter(({ name }) => bisect?.includes(name));
    const comparison = await compareBuilds({ ...builds, variations }, bisect !== undefined, () => {});
    return await look(builds, comparison);
  } finally {
    for (const clean of cleaning) await clean();
    rmSync(base, { recursive: true, force: true });
  }
}
