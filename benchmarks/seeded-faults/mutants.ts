/**
 * Small faults in one line of source, by tokens and without a syntax tree: comparisons turned or moved by one, numbers
 * one off, truth negated, results lost. The operators are those of mutation testing (Offutt et al. 1996).
 */

/** A line with one fault. */
export interface Mutant {
  /** From 1. */
  line: number;
  text: string;
  /** What was done, such as `< to <=`. */
  what: string;
}

const anyLanguage: [RegExp, string | ((found: string) => string)][] = [
  [/(?<![<>=!-])<(?![<=])/g, "<="],
  [/(?<![<>=-])>(?![>=])/g, ">="],
  [/<=/g, "<"],
  [/(?<!=)>=/g, ">"],
  [/===/g, "!=="],
  [/!==/g, "==="],
  [/(?<![=!<>])==(?!=)/g, "!="],
  [/!=(?!=)/g, "=="],
  [/(?<=[\w)\]] )\+(?= [\w([])/g, "-"],
  [/(?<=[\w)\]] )-(?= [\w([])/g, "+"],
  [/(?<![\w.])\d+(?![\w.])/g, (found) => String(Number(found) + 1)],
];
const python: typeof anyLanguage = [
  [/\bTrue\b/g, "False"],
  [/\bFalse\b/g, "True"],
  [/\band\b/g, "or"],
  [/\bor\b/g, "and"],
  [/\bis not\b/g, "is"],
  [/\bis\b(?! not)/g, "is not"],
  [/(?<=^\s*(?:el)?if )(?!not\b)/g, "not "],
  [/(?<=^\s*return )(?!None\b)\S.*$/g, "None"],
];
const javaScript: typeof anyLanguage = [
  [/\btrue\b/g, "false"],
  [/\bfalse\b/g, "true"],
  [/&&/g, "||"],
  [/\|\|(?!=)/g, "&&"],
  [/(?<=\bif \()(?=[^!])/g, "!"],
  [/(?<=^\s*return )(?!undefined)[^;{([]+(?=;?$)/g, "undefined"],
];

const blank = (found: string): string => found.replace(/[^\n]/g, "\0");
const quoted = String.raw`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'`;
const notCode = {
  python: new RegExp(String.raw`"""[\s\S]*?"""|'''[\s\S]*?'''|${quoted}|#.*`, "g"),
  javaScript: new RegExp(String.raw`/\*[\s\S]*?\*/|//.*|${quoted}|\x60(?:[^\x60\\]|\\.)*\x60`, "g"),
};

/** Blanks out text in quotes and comments, over many lines too, so that only code is left, each in its place. */
const codeOf = (text: string, isPython: boolean): string =>
  text.replace(isPython ? notCode.python : notCode.javaScript, blank);

/**
 * Every mutant of the given lines.
 * @param text the whole file
 * @param lines numbers, from 1
 */
export function mutantsOf(path: string, text: string, lines: Iterable<number>): Mutant[] {
  const all = text.split("\n");
  const isPython = path.endsWith(".py");
  const codes = codeOf(text, isPython).split("\n");
  const operators = [...anyLanguage, ...(isPython ? python : javaScript)];
  return [...lines].flatMap((line) => {
    const source = all[line - 1] ?? "";
    const code = codes[line - 1] ?? "";
    if (/^\s*(?:$|@|from |import |export \* |"use |\0*$)/.test(code)) return [];
    return operators.flatMap(([pattern, to]) =>
      [...code.matchAll(pattern)].map(({ 0: found, index }): Mutant => {
        const put = typeof to === "string" ? to : to(found);
        const mutated = source.slice(0, index) + put + source.slice(index + found.length);
        return {
          line,
          text: mutated,
          what: `${source.slice(index, index + found.length) || "condition"} to ${put.trim()}`,
        };
      }),
    );
  });
}

/** The file with the mutant in it. */
export function seeded(text: string, { line, text: mutated }: Mutant): string {
  return text
    .split("\n")
    .with(line - 1, mutated)
    .join("\n");
}
