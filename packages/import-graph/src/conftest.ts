/** What pytest loads for tests without an import (https://docs.pytest.org/en/stable/reference/fixtures.html#conftest-py-sharing-fixtures-across-multiple-files). */
import { posix } from "node:path";
import type { Graph } from "./graph.ts";

/**
 * The graph in which test files also lead to each conftest.py in their folder and above. All tests of a project reach by it
 * what the root's conftest.py imports, so that it tells what tests share, and says little of which one a change breaks.
 */
export function withConftests(graph: Graph, isTest: (path: string) => boolean): Graph {
  const above = (path: string): string[] => {
    const found: string[] = [];
    for (let folder = posix.dirname(path); ; folder = posix.dirname(folder)) {
      found.push(posix.join(folder, "conftest.py"));
      if (folder === "." || folder === "/") return found.filter((file) => graph.has(file));
    }
  };
  return new Map(
    [...graph].map(([path, targets]) =>
      targets !== null && path.endsWith(".py") && isTest(path)
        ? [path, new Set([...targets, ...above(path)])]
        : [path, targets],
    ),
  );
}
