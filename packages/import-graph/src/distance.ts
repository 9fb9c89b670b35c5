/** How far each file is from a change along imports, backwards: a test that imports what changed may break by it. */
import type { Graph } from "./graph.ts";

/** The shortest way from a file to a changed one. */
export interface ImportPath {
  /** Imports on the way; 0 for a changed file. */
  distance: number;
  /** The changed file at its end. */
  changed: string;
  /** `changed` could not be read, and may import what changed. */
  unread?: true;
}

/** Two graphs as one. */
export function together(graph: Graph, other: Graph): Graph {
  const both = new Map(graph);
  for (const [file, targets] of other) {
    const known = both.get(file);
    if (known !== null && targets !== null) both.set(file, new Set([...(known ?? []), ...targets]));
  }
  return both;
}

/**
 * The paths of all files that reach a changed one; equal ways by the first changed file in order of text. A file that
 * could not be read may import any, so it counts as importing a changed one.
 */
export function importPaths(graph: Graph, changed: Iterable<string>): Map<string, ImportPath> {
  const importers = new Map<string, string[]>();
  for (const [file, targets] of graph)
    for (const target of targets ?? []) {
      const known = importers.get(target);
      if (known) known.push(file);
      else importers.set(target, [file]);
    }
  const found = new Map<string, ImportPath>();
  let front = [...new Set(changed)].sort();
  for (const path of front) found.set(path, { distance: 0, changed: path });
  for (let distance = 1; front.length > 0; distance += 1) {
    const next: string[] = [];
    for (const path of front)
      for (const importer of importers.get(path) ?? [])
        if (!found.has(importer)) {
          found.set(importer, { ...found.get(path)!, distance });
          next.push(importer);
        }
    if (distance === 1 && front.length > 0)
      for (const [path, targets] of graph)
        if (targets === null && !found.has(path)) {
          found.set(path, { distance, changed: path, unread: true });
          next.push(path);
        }
    front = next;
  }
  return found;
}
