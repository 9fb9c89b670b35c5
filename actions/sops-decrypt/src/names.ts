/** Names under which values leave the action. */
import { UserError } from "@goatnote/action-io";
import { type Leaf, type Path, quoted, shown, showPath } from "@goatnote/sops-file";

/** A value that was chosen, with the name it gets. */
export interface Named extends Leaf {
  name: string;
  /** Where it stands, for messages; a path in the file, never a value. */
  where: string;
  encrypted: boolean;
}

/** One line of the input `keys`. */
export interface Choice {
  path: Path;
  /** The name after `as`; null when it follows from the path. */
  name: string | null;
  line: string;
}

const part = /^(?:\.?([^.[\]"\s]+)|\.?\["((?:[^"\\]|\\.)*)"\]|\.?"((?:[^"\\]|\\.)*)"|\[(\d+)\])/;

/**
 * Reads a path such as `db.users[0].name` or `db."a.b"`.
 * @param input the input that it comes from, for the message
 */
export function parsePath(text: string, input: string): Path {
  const path: (string | number)[] = [];
  let rest = text;
  while (rest !== "") {
    const [whole, bare, bracketed, quoted, index] = part.exec(rest) ?? [];
    if (whole === undefined)
      throw new UserError(
        `Input \`${input}\` has a line that is no path: ${JSON.stringify(text)}. Write \`db.password\`, \`users[0].name\`, or \`"a.b".c\` for keys with dots.`,
      );
    path.push(index === undefined ? (bare ?? (bracketed ?? quoted ?? "").replace(/\\(.)/g, "$1")) : Number(index));
    rest = rest.slice(whole.length);
  }
  return path;
}

/** Reads the input `keys`. */
export function parseChoices(lines: readonly string[]): Choice[] {
  return lines.map((line) => {
    const [, path = line, name = null] = /^(.*\S)\s+as\s+(\S+)$/.exec(line) ?? [];
    return { path: parsePath(path, "keys"), name, line };
  });
}

const startsWith = (path: Path, start: Path): boolean => start.every((part, i) => String(part) === String(path[i]));

/**
 * The values that were chosen, in the order of the file; all of them when nothing is chosen.
 * @throws UserError for a choice that names nothing, or gives one name to several values
 */
export function choose<T extends Leaf>(
  leaves: readonly T[],
  choices: readonly Choice[],
): { leaf: T; as: string | null }[] {
  if (choices.length === 0) return leaves.map((leaf) => ({ leaf, as: null }));
  return choices.flatMap(({ path, name, line }) => {
    const found = leaves.filter((leaf) => startsWith(leaf.path, path));
    if (found.length === 0)
      throw new UserError(
        `Input \`keys\`: there is no value at ${line}. Look at the file, or at output \`keys\` of a run without this input.`,
      );
    if (name !== null && (found.length > 1 || found[0]!.path.length !== path.length))
      throw new UserError(
        `Input \`keys\`: \`${line}\` gives one name to more than one value; pick a single value, or leave \`as\` out.`,
      );
    return found.map((leaf) => ({ leaf, as: name }));
  });
}

/** How names are made of paths. */
export interface Naming {
  prefix: string;
  case: "keep" | "upper" | "lower";
  /** What the names are for: variables allow less than outputs. */
  kind: "env" | "outputs" | "file";
}

const allowed = { env: /^[A-Za-z_][A-Za-z0-9_]*$/, outputs: /^[A-Za-z_][A-Za-z0-9_-]*$/, file: /^[^\0\n\r]+$/ };
const allowedWords = {
  env: "a letter or `_`, then letters, digits and `_`",
  outputs: "a letter or `_`, then letters, digits, `_` and `-`",
  file: "one line",
};

/** The name for a path: its parts joined by `_`, with `-` and `.` as `_`. */
export function nameOf(path: Path, { prefix, case: letters, kind }: Naming): string {
  const joined = path.map((part) => (kind === "file" ? String(part) : String(part).replace(/[-.]/g, "_"))).join("_");
  const cased = letters === "upper" ? joined.toUpperCase() : letters === "lower" ? joined.toLowerCase() : joined;
  return prefix + cased;
}

/** @throws UserError for a name that is not allowed, or stands twice */
export function checkNames(named: readonly Named[], { kind }: Naming): void {
  const seen = new Map<string, string>();
  for (const { name, where } of named) {
    if (!allowed[kind].test(name))
      throw new UserError(
        `The value at ${where} would get the name ${quoted(name)}, which is not allowed: ${allowedWords[kind]}. Name it with \`keys\`, such as \`${where} as NAME\`.`,
      );
    const other = seen.get(name);
    if (other !== undefined)
      throw new UserError(
        `The values at ${other} and ${where} would both get the name ${shown(name)}. Name one of them with \`keys\`, or pick one.`,
      );
    seen.set(name, where);
  }
}

/** Whether a path is meant by a pattern, in which `*` stands for any one part; what is below a match is meant too. */
export const matchesPattern = (path: Path, pattern: Path): boolean =>
  pattern.length <= path.length && pattern.every((part, i) => part === "*" || String(part) === String(path[i]));

export { showPath };
