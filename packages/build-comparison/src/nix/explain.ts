/** Why two outputs of one derivation differ. */
import { lstat } from "node:fs/promises";
import type { Derivation } from "@goatnote/nix-store";
import { type Finding, stoppedAt } from "../cause/explain.ts";
import { explainFiles, explainingIn, explainResults } from "../cause/results.ts";
import type { Scene } from "../cause/scene.ts";
import { Budget } from "../formats/container.ts";
import { scan } from "../manifest/scan.ts";

/** The name of an output's store object. */
export const outputName = ({ name }: Pick<Derivation, "name">, output: string): string =>
  output === "out" ? name : `${name}-${output}`;

/** Places begin with the name. What is not explained in time is a finding that says so. */
export async function explainOutput(name: string, first: string, second: string, scene: Scene): Promise<Finding[]> {
  const budget = new Budget();
  const [a, b] = await Promise.all([first, second].map((path) => lstat(path)));
  if (a!.isFile() && b!.isFile()) return explainFiles(first, second, [name], explainingIn(scene, budget));
  const result = async (folder: string) => ({ folder, entries: await scan(folder, [folder]) });
  const findings = await explainResults(await result(first), await result(second), scene, budget);
  const placed = findings.map((finding) => ({ ...finding, place: [name, ...finding.place] }));
  return budget.stopped && !placed.some(({ stopped }) => stopped) ? [...placed, stoppedAt([name], budget)] : placed;
}
