/** A published result as one more leg: release assets that an earlier step downloaded. */
import { lstat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "@goatnote/action-io";
import {
  type Built,
  type Entry,
  explainFiles,
  explainingIn,
  type Finding,
  publishedScene,
  scan,
} from "@goatnote/build-comparison";

export interface ReferenceResult {
  name: string;
  equal: boolean;
  /** Artifact and how it compares. */
  rows: { path: string; result: "equal" | "differs" | "not published"; published?: string }[];
  /** Published files that nothing was compared with, by their path. */
  notBuilt: string[];
}

/**
 * Compares each file of results with the published one, found by its path or else by its name.
 * @param results one of each platform
 * @throws UserError when there is nothing to compare with
 */
export async function compareWithReference(
  reference: string,
  workspace: string,
  results: readonly (readonly Entry[])[],
): Promise<ReferenceResult> {
  const path = resolve(workspace, reference);
  const stats = await lstat(path).catch(() => undefined);
  if (!stats)
    throw new UserError(`Input \`reference\` names ${reference}, which is not there. Download it in a step before.`);
  const folder = stats.isDirectory() ? path : dirname(path);
  const published = (await scan(folder, [path])).filter(isFile);
  const rows = results
    .flatMap((entries) => entries.filter(isFile))
    .map((artifact) => {
      const same = published.filter(({ path: each }) => each === artifact.path);
      const named = published.filter(({ path: each }) => basename(each) === basename(artifact.path));
      const [other, ...more] = same.length > 0 ? same : named;
      if (!other || more.length > 0) return { path: artifact.path, result: "not published" as const };
      return {
        path: artifact.path,
        result: other.sha256 === artifact.sha256 ? ("equal" as const) : ("differs" as const),
        published: join(folder, other.path),
      };
    });
  if (rows.length === 0) throw new UserError("The build made no file that could be compared with `reference`.");
  const compared = new Set<string | undefined>(rows.map((row) => row.published));
  const notBuilt = published.map((each) => each.path).filter((each) => !compared.has(join(folder, each)));
  return { name: reference, equal: rows.every(({ result }) => result === "equal"), rows, notBuilt };
}

/** Why what a build made is not what was published, as far as the bytes tell. */
export async function explainReference({ rows }: ReferenceResult, built: Built): Promise<Finding[]> {
  const context = explainingIn(publishedScene(built));
  const findings: Finding[] = [];
  for (const { path, result, published } of rows) {
    if (result !== "differs" || published === undefined) continue;
    findings.push(...(await explainFiles(join(built.tree, path), published, [path, "published"], context)));
  }
  return findings;
}

const isFile = (entry: Entry): entry is Extract<Entry, { type: "file" }> => entry.type === "file";
