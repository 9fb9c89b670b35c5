/**
 * Imports of JavaScript and TypeScript, by a scan that knows strings and comments and no grammar. Not seen: modules whose
 * name is computed, and what follows a quote inside a regular expression on its line.
 */
import type { Import } from "./languages.ts";
import { type Members, membersIn } from "./members.ts";

const quoted = String.raw`"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'`;
const scanner = new RegExp(
  [
    String.raw`//[^\n]*`,
    String.raw`/\*[\s\S]*?(?:\*/|$)`,
    String.raw`(?<![\w$.])(?:(import|export)\b(?:\s+type\b)?((?:(?!\b(?:import|export)\b)[\w$*,\s{}])*?)(?<![\w$])from\s*|import\s*)(?:${quoted})`,
    String.raw`(?:(?<![\w$.])(?:const|let|var)\s+([\w$]+|\{[^{}]*\})\s*=\s*)?(?:await\s+)?(?<![\w$.])(?:require(?:\.resolve)?|import|new\s+URL|(?:vi|jest)\.(?:mock|requireActual|importActual))\s*\(\s*(?:${quoted})`,
    String.raw`\`(?:[^\`\\]|\\[\s\S])*\`?`,
    // One that does not end is no import; to look for it again from each of its quotes would take the square of its length.
    String.raw`"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?`,
  ].join("|"),
  "g",
);

/** The scripts of a Vue or Svelte component. */
export const scriptsIn = (text: string): string =>
  [...text.matchAll(/<script\b[^>]{0,1000}>([\s\S]*?)(?:<\/script>|$)/g)].map(([, script]) => script).join("\n");

/** The imports of a module's text, and the files that it names relative to itself: `new URL("./a.js", import.meta.url)`. */
export function javaScriptImports(text: string): Import[] {
  const found: Import[] = [];
  const members = membersIn(text);
  for (const [, keyword, clause, a, b, target, c, d] of text.matchAll(scanner)) {
    const module = a ?? b ?? c ?? d;
    if (module === undefined || module === "") continue;
    const locals = localsIn(clause ?? target ?? "", clause === undefined);
    found.push({ module, names: keyword === "export" ? [] : namesOf(locals, members), locals });
  }
  return found;
}

/** The names in `a`, `* as b`, `{ c as d }`, `{ c: d }`, by what they are called here. */
function localsIn(clause: string, isRequire: boolean): Record<string, string> {
  const braces = clause.match(/\{([^{}]*)\}/)?.[1] ?? "";
  const rest = clause.replace(/\{[^{}]*\}/, "");
  const named = [...braces.matchAll(/([\w$]+)(?:\s*(?:\bas\b|:)\s*([\w$]+))?/g)]
    .filter(([name]) => name !== "type")
    .map(([, name, alias]) => [alias ?? name!, name!] as const);
  const space = rest.match(/\*\s*(?:as\s+([\w$]+))?/);
  const plain = rest.replace(/\*\s*(?:as\s+[\w$]+)?/, "").match(/[\w$]+/)?.[0];
  return Object.fromEntries([
    ...named,
    ...(space ? [[space[1] ?? "*", "*"] as const] : []),
    ...(plain ? [[plain, isRequire ? "*" : "default"] as const] : []),
  ]);
}

/** What is used of a module: the names taken, and the members that the text takes of a namespace or a default. Null where that cannot be told. */
function namesOf(locals: Record<string, string>, members: Members): string[] | null {
  const names = new Set<string>();
  for (const [local, name] of Object.entries(locals)) {
    if (name !== "*") names.add(name);
    if (name !== "*" && name !== "default") continue;
    const taken = members.get(local);
    if (!taken && name === "*") return null;
    for (const member of taken ?? []) names.add(member);
  }
  return names.size === 0 ? null : [...names];
}
