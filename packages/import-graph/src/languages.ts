/** What a file says it imports, by the language that its name ends in. */
import { goImports } from "./go.ts";
import { javaImports } from "./java.ts";
import { javaScriptImports, scriptsIn } from "./javascript.ts";
import { pythonImports } from "./python.ts";

/** One import as it is written. */
export interface Import {
  /** The module as written: `./a.js`, `.a.b`, `lab/model`, `org.lab.Model`. */
  module: string;
  /** What is used of it, by the names that the module gives them; null where that cannot be told. */
  names: string[] | null;
  /** What the file calls things of the module, and may hand on: `export { a as b } from "./a.js"` is b: a; `*` is all of it. */
  locals: Record<string, string>;
  /** The module is a pattern of paths, or in Python a package of which each module may be meant. */
  isPattern?: true;
}

const languages: [RegExp, (text: string) => Import[]][] = [
  [/\.[cm]?[jt]sx?$/, javaScriptImports],
  [/\.(?:vue|svelte)$/, (text) => javaScriptImports(scriptsIn(text))],
  [/\.pyi?$/, pythonImports],
  [/\.go$/, goImports],
  [/\.java$/, javaImports],
];

const reader = (path: string) => languages.find(([pattern]) => pattern.test(path))?.[1];

/** Whether the imports of a file of this name can be read: Python, JavaScript, TypeScript, Vue and Svelte components, Go and Java. */
export const isSource = (path: string): boolean => reader(path) !== undefined;

/** The imports that a source file states, in order; none for a file in another language. Never throws. */
export const importsIn = (path: string, text: string): Import[] => reader(path)?.(text) ?? [];
