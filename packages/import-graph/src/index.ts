export { type ImportPath, importPaths } from "./distance.ts";
export { type Graph, type GraphLimits, type ReadText, readGraph } from "./graph.ts";
export { type Import, importsIn, isSource } from "./languages.ts";
