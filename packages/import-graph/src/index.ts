export { withConftests } from "./conftest.ts";
export { type ImportPath, importPaths, together } from "./distance.ts";
export { goFolderOf, goModules, isGoConstrained } from "./go.ts";
export { type Graph, type GraphLimits, type GraphOptions, type ReadGraph, type ReadText, readGraph } from "./graph.ts";
export { type Import, importsIn, isSource } from "./languages.ts";
export { within } from "./patterns.ts";
export { isSettings } from "./settings.ts";
