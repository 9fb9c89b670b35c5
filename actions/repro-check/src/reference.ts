/** A published result as one more leg: release assets that an earlier step downloaded. */
import { lstat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
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
import { matchPublished } from "./match.ts";

export interface ReferenceResult {
  name: string;
  /** Every file has its published one, with the same content. */
  equal: boolean;
  /** A file of a result and how it compares; `ambiguous` when several published files could be it, or it several. */
  rows: { path: string; result: "equal" | "differs" | "not published" | "ambiguous"; published?: string }[];
  /** Published files that nothing was compared with, by their path. */
  notBuilt: string[];
}

/** @throws UserError when nothing is there */
export async function requireReference(reference: string, workspace: string): Promise<void> {
  if (reference !== "" && !(await lstat(resolve(workspace, reference)).catch(() => undefined)))
    throw new UserError(`Input \`reference\` names ${reference}, which is not there. Download it in a step before.`);
}

/**
 * Compares each file of results with the published one.
 * @param results one of each platform
 * @throws UserError when there is nothing to compare with
 */
export async function compareWithReference(
  reference: string,
  workspace: string,
  results: readonly (readonly Entry[])[],
): Promise<ReferenceResult> {
  await requireReference(reference, workspace);
  const path = resolve(workspace, reference);
  const folder = (await lstat(path)).isDirectory() ? path : dirname(path);
  const published = new Map((await scan(folder, [path])).filter(isFile).map((each) => [each.path, each]));
  const rows = results.flatMap((entries) => {
    const matches = matchPublished(entries, [...published.keys()]);
    return entries.filter(isFile).map((artifact): ReferenceResult["rows"][number] => {
      const match = matches.get(artifact.path);
      if (match == null) return { path: artifact.path, result: match === null ? "not published" : "ambiguous" };
      const equal = published.get(match)!.sha256 === artifact.sha256;
      return { path: artifact.path, result: equal ? "equal" : "differs", published: join(folder, match) };
    });
  });
  if (rows.length === 0) throw new UserError("The build made no file that could be compared with `reference`.");
  const compared = new Set(rows.map((row) => row.published));
  const notBuilt = [...published.keys()].filter((each) => !compared.has(join(folder, each)));
  return { name: reference, equal: rows.every(({ result }) => result === "equal"), rows, notBuilt };
}

/** What of a comparison is no equality, in a few words; it is `different` when something differs or is missing. */
export function unequalIn({ rows }: Pick<ReferenceResult, "rows">): {
  verdict: "different" | "not-checked";
  words: string;
} {
  const count = (result: string): number => rows.filter((row) => row.result === result).length;
  const files = (number: number): string => (number === 1 ? "1 file" : `${number} files`);
  const [differs, absent, unclear] = [count("differs"), count("not published"), count("ambiguous")];
  const words = [
    ...(differs > 0 ? [`${files(differs)} differ${differs === 1 ? "s" : ""}`] : []),
    ...(absent > 0
      ? [`${files(absent)} that ${absent === 1 ? "was" : "were"} built ${absent === 1 ? "is" : "are"} not there`]
      : []),
    ...(unclear > 0 ? [`of ${files(unclear)} it is not clear which published one it is`] : []),
  ];
  return { verdict: differs + absent > 0 ? "different" : "not-checked", words: words.join(", ") };
}

/** What a summary has room for: what is not equal before the rest. */
export const unequalFirst = (rows: ReferenceResult["rows"]): ReferenceResult["rows"] =>
  rows.toSorted((a, b) => Number(a.result === "equal") - Number(b.result === "equal")).slice(0, 100);

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
