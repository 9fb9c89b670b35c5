/** What pytest loads for tests without an import (https://docs.pytest.org/en/stable/reference/fixtures.html#conftest-py-sharing-fixtures-across-multiple-files). */
import { posix } from "node:path";
import type { Graph } from "./graph.ts";

/**
 * The graph in which test files also lead to each conftest.py in their folder and above, and to the packages that they are in.
 * @param specific leaves out what every test file leads to: that tells what tests share, and nothing of which one a change breaks
 */
export function withConftests(graph: Graph, isTest: (path: string) => boolean, specific = false): Graph {
  const tests = [...graph].filter(([path, targets]) => targets !== null && path.endsWith(".py") && isTest(path));
  const loaded = new Map(tests.map(([path]) => [path, loadedFor(path, graph)]));
  const counts = new Map<string, number>();
  for (const file of [...loaded.values()].flat()) counts.set(file, (counts.get(file) ?? 0) + 1);
  const all = new Map(graph);
  for (const [path, targets] of tests) {
    const more = loaded.get(path)!.filter((file) => !specific || counts.get(file)! < tests.length);
    if (more.length > 0) all.set(path, new Set([...targets!, ...more]));
  }
  return all;
}

function loadedFor(path: string, graph: Graph): string[] {
  const found: string[] = [];
  let isPackage = true;
  for (let folder = posix.dirname(path); ; folder = posix.dirname(folder)) {
    isPackage &&= graph.has(posix.join(folder, "__init__.py"));
    for (const name of isPackage ? ["conftest.py", "__init__.py"] : ["conftest.py"]) {
      const file = posix.join(folder, name);
      if (graph.has(file)) found.push(file);
    }
    if (folder === "." || folder === "/") return found;
  }
}
