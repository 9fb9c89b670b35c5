/**
 * Decision points of a source file: places where its flow may take another way. Their number plus one, per function, is
 * the cyclomatic complexity of McCabe (A Complexity Measure, 1976); here they are counted per file, by words and signs
 * outside of comments and strings. A counter of tokens, not a parser: macros, regular expressions of JavaScript and
 * code inside template strings are read as they look.
 */

interface Language {
  /** What is passed over: comments and strings. */
  ignored: RegExp;
  decision: RegExp;
}

// What is not closed ends with the text, or the line: so each sign is read once, whatever a file holds.
const lineComment = String.raw`\/\/[^\n]*`;
const blockComment = String.raw`\/\*[\s\S]*?(?:\*\/|$)`;
const quoted = String.raw`"(?:\\[\s\S]|[^"\\\n])*"?`;
const single = String.raw`'(?:\\[\s\S]|[^'\\\n])*'?`;
const template = String.raw`\`(?:\\[\s\S]|[^\`\\])*\`?`;
const raw = String.raw`\`[^\`]*\`?`;
// A lifetime such as 'a is no string.
const character = String.raw`'(?:\\(?:u\{[^}\n]{0,8}\}|.)[^'\n]{0,2}|[^'\\\n])'`;
const tripled = String.raw`"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)`;
const textBlock = String.raw`"""[\s\S]*?(?:"""|$)`;
const hash = String.raw`#[^\n]*`;

const any = (...parts: string[]): RegExp => new RegExp(parts.join("|"), "g");
// `?.` and `??=` are no choices of the reader's; `??` is read as one.
const operators = String.raw`&&|\|\||\?\?(?!=)|\?(?![.?:])`;
const words = (...names: string[]): string => String.raw`\b(?:${names.join("|")})\b`;

const script: Language = {
  ignored: any(lineComment, blockComment, quoted, single, template),
  decision: any(words("if", "for", "while", "case", "catch"), operators),
};
const java: Language = {
  ignored: any(lineComment, blockComment, textBlock, quoted, single),
  decision: script.decision,
};
const c: Language = {
  ignored: any(lineComment, blockComment, quoted, single),
  decision: any(words("if", "for", "while", "case", "catch"), String.raw`&&|\|\||\?(?![.?:])`),
};
const python: Language = {
  ignored: any(tripled, quoted, single, hash),
  decision: any(words("if", "elif", "for", "while", "except", "and", "or", "assert")),
};
const go: Language = {
  ignored: any(lineComment, blockComment, quoted, raw, single),
  decision: any(words("if", "for", "case"), String.raw`&&|\|\|`),
};
const rust: Language = {
  ignored: any(lineComment, blockComment, quoted, character),
  decision: any(words("if", "for", "while", "loop"), String.raw`&&|\|\||=>`),
};

const languages: Record<string, Language> = {
  ...Object.fromEntries(["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx"].map((ending) => [ending, script])),
  ...Object.fromEntries(["c", "h", "cc", "cpp", "cxx", "hh", "hpp", "cu"].map((ending) => [ending, c])),
  ...Object.fromEntries(["java", "scala", "kt", "kts", "cs", "groovy"].map((ending) => [ending, java])),
  ...{ py: python, pyx: python, go, rs: rust },
};

/** The decision points of a file's text; null for a language that is not known by the ending of its path. */
export function decisionPoints(path: string, text: string): number | null {
  const ending = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  const language = Object.hasOwn(languages, ending) ? languages[ending] : undefined;
  if (!language) return null;
  const code = text.replace(language.ignored, " ");
  return code.match(language.decision)?.length ?? 0;
}
