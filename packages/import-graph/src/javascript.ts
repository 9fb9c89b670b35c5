/**
 * Imports of JavaScript and TypeScript, by a scan that knows strings, comments and regular expressions, and no grammar. Of a
 * module whose name is computed the folder is seen that it begins with, if one is written. Not seen: on its line what follows
 * a quote in the text of JSX.
 */
import type { Import } from "./languages.ts";
import { type Members, membersIn } from "./members.ts";

const string = String.raw`"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?`;
const template = String.raw`\x60(?:[^\x60\\]|\\[\s\S])*\x60?`;
// After what no value ends with, a slash begins a regular expression. Bounded, since one that does not end is looked for again
// from each of its slashes.
const regularExpression = String.raw`\/(?<=(?:^|[(,=:[&|?{;*%~^]|=>|(?<![\p{ID_Continue}$)\]])!|(?<!\+)\+|(?<!-)-|\b(?:return|case|typeof))[ \t]*\/)(?!>)(?:[^\\/\[\n]|\\.|\[(?:[^\]\\\n]|\\.){0,200}\]){1,400}\/`;
const notStatement = new RegExp(
  String.raw`\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|(?![\s\S]))|${string}|${template}|${regularExpression}`,
  "gmu",
);

const quoted = String.raw`"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'`;
const mocks =
  "mock|doMock|unmock|requireActual|requireMock|importActual|importMock|createMockFromModule|unstable_mockModule";
const calls = String.raw`require(?:\.resolve)?|import(?:\.meta\.resolve)?|new\s+URL|(?:vi|jest)\.(?:${mocks})|(?:\w+\.)?mock\.module`;
const scanner = new RegExp(
  [
    String.raw`(?<![\p{ID_Continue}$.])(?:(import|export)\b(?:\s+type\b)?((?:(?!\b(?:import|export)\b)[\p{ID_Continue}$*,\s\{\}]|"[^"\\\n]*"(?=\s*as\b)|'[^'\\\n]*'(?=\s*as\b))*?)(?<![\p{ID_Continue}$])from\s*|import\s*)(?:${quoted})`,
    String.raw`(?:(?<![\p{ID_Continue}$.])(?:const|let|var)\s+([\p{ID_Continue}$]+|\{[^\{\}]*\})\s*=\s*)?(?:await\s+)?(?<![\p{ID_Continue}$])(?<!(?<!\.\.)\.)(?:${calls})\s*(?:<[^<>()]*>\s*)?\(\s*(?:${quoted})`,
    template,
    // One that does not end is no import; to look for it again from each of its quotes would take the square of its length.
    string,
  ].join("|"),
  "gu",
);

/** The scripts of a Vue or Svelte component, and imports of the files that its parts are in. */
export function scriptsIn(text: string): string {
  const scripts = text.matchAll(/<script\b[^>]{0,1000}>([\s\S]*?)(?:<\/script>|$)/g);
  const elsewhere = text.matchAll(/<(?:script|template|style)\b[^>]{0,300}?\ssrc="([^"\\\n]{1,1000})"/g);
  return [...[...elsewhere].map(([, file]) => `import "${file}";`), ...[...scripts].map(([, script]) => script)].join(
    "\n",
  );
}

// What bundlers make a list of files of, see https://vite.dev/guide/features#glob-import and https://webpack.js.org/guides/dependency-management.
const listed =
  /\bimport\.meta\.glob(?:Eager)?\s*(?:<[^()]{0,200}>\s*)?\(\s*(\[[^\]]{0,2000}\]|"[^"\n]{1,1000}"|'[^'\n]{1,1000}')/g;
const inFolder = /\brequire\.context\s*\(\s*["']([^"'\n]{1,1000})["']/g;
const begun =
  /\b(?:import|require(?:\.resolve)?|new\s+URL)\s*\(\s*(?:`([^`$\\\n]{1,1000})\$\{|"([^"\n]{1,1000})"\s*\+|'([^'\n]{1,1000})'\s*\+)/g;

/** Patterns of modules: those that are written, and what a computed name begins with. */
function patternsIn(statements: string): Import[] {
  const globs = [...statements.matchAll(listed)].flatMap(([, list]) =>
    [...list!.matchAll(/["']([^"'\n]{1,1000})["']/g)].map(([, glob]) => glob!),
  );
  const folders = [...statements.matchAll(inFolder)].map(([, folder]) => `${folder}/**`);
  const begins = [...statements.matchAll(begun)].map(([, a, b, c]) => `${a ?? b ?? c}*`);
  return [...globs, ...folders, ...begins]
    .filter((pattern) => /^\.{0,2}\//.test(pattern))
    .map((module) => ({ module, names: null, locals: {}, isPattern: true }));
}

/** The imports of a module's text, and the files that it names relative to itself: `new URL("./a.js", import.meta.url)`. */
export function javaScriptImports(text: string): Import[] {
  const found: Import[] = [];
  const members = membersIn(text);
  const plain = statements(text);
  for (const [match, keyword, clause, a, b, target, c, d] of plain.matchAll(scanner)) {
    const written = a ?? b ?? c ?? d;
    if (written === undefined || written === "") continue;
    // What a URL is relative to is a file.
    const module = /^new\s/.test(match) && !/^[./]|:/.test(written) ? `./${written}` : written;
    const locals = localsIn(clause ?? target ?? "", clause === undefined);
    found.push({ module, names: keyword === "export" ? [] : namesOf(locals, members), locals });
  }
  return [...found, ...patternsIn(plain)];
}

/** The text without comments and regular expressions; a template that is a mere string is one. */
function statements(text: string): string {
  return text.replace(notStatement, (token) => {
    if (token.startsWith("`")) return /^`[^`"\\$\n]*`$/.test(token) ? `"${token.slice(1, -1)}"` : token;
    return token.startsWith("/") ? " " : token;
  });
}

const name = String.raw`[\p{ID_Continue}$]+`;
const inBraces = new RegExp(
  String.raw`(${name}|"[^"]*"|'[^']*')(?:\s*(?:\bas\b|:)\s*(${name}|"[^"]*"|'[^']*'))?`,
  "gu",
);
const space = new RegExp(String.raw`\*\s*(?:as\s+(${name}))?`, "u");
const plain = new RegExp(name, "u");

/** The names in `a`, `* as b`, `{ c as d }`, `{ c: d }`, by what they are called here. */
function localsIn(clause: string, isRequire: boolean): Record<string, string> {
  const bare = (text: string): string => text.replace(/^["']|["']$/g, "");
  const braces = clause.match(/\{([^{}]*)\}/)?.[1] ?? "";
  const rest = clause.replace(/\{[^{}]*\}/, "");
  const named = [...braces.matchAll(inBraces)]
    .filter(([, one]) => one !== "type")
    .map(([, one, alias]) => [bare(alias ?? one!), bare(one!)] as const);
  const all = rest.match(space);
  const single = rest.replace(space, "").match(plain)?.[0];
  return Object.fromEntries([
    ...named,
    ...(all ? [[all[1] ?? "*", "*"] as const] : []),
    ...(single ? [[single, isRequire ? "*" : "default"] as const] : []),
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
