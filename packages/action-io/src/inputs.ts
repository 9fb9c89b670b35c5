/**
 * Inputs, declared once per action. `action.yml` holds names, descriptions and defaults; the declaration holds what a
 * value may be, and gives the TypeScript type. `checkDeclaration` fails the tests where the two differ.
 */
import { redact, registerSecret } from "./secrets.ts";

/** One input: what it may be, in words, and how its text becomes a value. */
export interface Field<T> {
  /** What is allowed, for messages and the reference, such as "`true` or `false`". */
  readonly allowed: string;
  readonly required: boolean;
  readonly secret: boolean;
  /** @returns the value, or undefined when `text` is not allowed */
  readonly parse: (text: string) => T | undefined;
  /** The value of an input that is empty and has no default. */
  readonly empty: T | undefined;
}

export type Fields = Record<string, Field<unknown>>;

/** The values of declared inputs, keyed by the exact input names. */
export type Values<F extends Fields> = { -readonly [Name in keyof F]: F[Name] extends Field<infer T> ? T : never };

function field<T>(allowed: string, parse: Field<T>["parse"], empty?: T): Field<T> {
  return { allowed, parse, empty, required: false, secret: false };
}

/** Any text on one or more lines; "" when not given. */
export const text = (allowed = "any text"): Field<string> => field(allowed, (value) => value, "");

/** A text that is masked in the log and never repeated in a message; "" when not given. */
export const secret = (): Field<string> => ({ ...text("a secret; never shown"), secret: true });

/** Lines of text, trimmed, without empty ones; [] when not given. */
export const lines = (allowed = "one entry per line"): Field<string[]> =>
  field(
    allowed,
    (value) =>
      value
        .split(/\r?\n/)
        .map((line) => line.trim())
        .filter(Boolean),
    [],
  );

/** Exactly `true` or `false`. */
export const boolean = (): Field<boolean> =>
  field("`true` or `false`", (value) => (value === "true" ? true : value === "false" ? false : undefined));

/** One of a closed list of words. */
export const oneOf = <const T extends string>(...words: T[]): Field<T> =>
  field(
    words
      .map((word) => `\`${word}\``)
      .join(", ")
      .replace(/, ([^,]*)$/, " or $1"),
    (value) => words.find((word) => word === value),
  );

/** A decimal number within bounds, both included; null when not given. */
export function number({
  min,
  max,
  integer = false,
}: {
  min: number;
  max: number;
  integer?: boolean;
}): Field<number | null> {
  const kind = integer ? "a whole number" : "a number";
  return field(
    Number.isFinite(max) ? `${kind} from ${min} to ${max}` : `${kind} of ${min} or more`,
    (value) => {
      const parsed = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : Number.NaN;
      const usable = integer ? Number.isSafeInteger(parsed) : Number.isFinite(parsed);
      return usable && parsed >= min && parsed <= max ? parsed : undefined;
    },
    null,
  );
}

const durationParts = /^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/;
const milliseconds = [3_600_000, 60_000, 1000, 1];

/** A duration such as `90s`, `10m` or `1h30m`, as whole milliseconds; null when not given. */
export const duration = (): Field<number | null> =>
  field(
    "a duration such as `90s`, `10m` or `1h30m`",
    (value) => {
      const parts = durationParts.exec(value)?.slice(1) ?? [];
      const total = Math.round(parts.reduce((sum, part, unit) => sum + Number(part ?? 0) * milliseconds[unit]!, 0));
      return total > 0 && Number.isSafeInteger(total) ? total : undefined;
    },
    null,
  );

/** The same field, which may not be empty. */
export const required = <T>(inner: Field<T>): Field<T> => ({ ...inner, required: true });

/** Declares an action's inputs; only there so that the type keeps each field. */
export const declareInputs = <F extends Fields>(fields: F): F => fields;

/** One or more inputs that the user has to change. The message names each with its value and what is allowed. */
export class InputError extends Error {
  override name = "InputError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.length === 1 ? problems[0] : `${problems.length} inputs need a change:\n- ${problems.join("\n- ")}`);
    this.problems = problems;
  }
}

const variable = (name: string): string => `INPUT_${name.replaceAll(" ", "_").toUpperCase()}`;

/** Redacted before it is cut or escaped: part of a secret would not be found any more. */
function shown(value: string): string {
  const clean = redact(value);
  return JSON.stringify(clean.length > 100 ? `${clean.slice(0, 100)}…` : clean);
}

/**
 * Reads all inputs at once.
 * @param environment where the runner puts inputs, as `INPUT_<NAME>`
 * @param contradictions rules over several inputs: for each mistake, a sentence that names the inputs and the way out
 * @throws InputError with every mistake: unknown, missing, not allowed, contradictory
 */
export function readInputs<F extends Fields>(
  fields: F,
  environment: NodeJS.ProcessEnv,
  contradictions: (values: Values<F>) => string[] = () => [],
): Values<F> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  const given = (name: string): string => (environment[variable(name)] ?? "").trim();
  for (const [name, { secret }] of Object.entries(fields)) if (secret) registerSecret(given(name));
  for (const [name, { parse, empty, required, secret, allowed }] of Object.entries(fields)) {
    const raw = given(name);
    if (raw === "" && required) problems.push(`Input \`${name}\` is required: ${allowed}.`);
    const value = raw === "" ? empty : parse(raw);
    if (value === undefined && !(raw === "" && required)) {
      problems.push(`Input \`${name}\` is ${secret ? "not usable" : shown(raw)}; allowed: ${allowed}.`);
    }
    values[name] = value;
  }
  problems.push(...unknownInputs(Object.keys(fields), environment));
  if (problems.length === 0) problems.push(...contradictions(values as Values<F>));
  if (problems.length > 0) throw new InputError(problems);
  return values as Values<F>;
}

/** A misspelt input would silently mean its default. Its value is not shown: a misspelt token is a token. */
function unknownInputs(names: string[], environment: NodeJS.ProcessEnv): string[] {
  const known = new Set(names.map(variable));
  return Object.keys(environment)
    .filter((name) => name.startsWith("INPUT_") && !known.has(name))
    .map(
      (name) =>
        `There is no input \`${name.slice("INPUT_".length).toLowerCase()}\`; allowed: ${names.map((known) => `\`${known}\``).join(", ")}.`,
    );
}

/** What `action.yml` says about an action, as far as code depends on it. */
export interface ActionMetadata {
  inputs?: Record<string, { description?: string; required?: boolean; default?: string | boolean | number }>;
  outputs?: Record<string, { description?: string }>;
}

/**
 * Compares a declaration with its `action.yml`.
 * @returns one sentence for each difference: names, required, defaults that are not allowed, missing descriptions
 */
export function checkDeclaration(fields: Fields, { inputs = {} }: ActionMetadata): string[] {
  const problems: string[] = [];
  for (const name of new Set([...Object.keys(fields), ...Object.keys(inputs)])) {
    const [declared, documented] = [fields[name], inputs[name]];
    if (!declared || !documented) {
      problems.push(`${name} is only in ${declared ? "the declaration" : "action.yml"}`);
      continue;
    }
    const standard = String(documented.default ?? "").trim();
    if (!documented.description) problems.push(`${name} has no description`);
    if ((documented.required ?? false) !== declared.required)
      problems.push(`${name} is required in one of the two only`);
    if (declared.required && standard !== "") problems.push(`${name} is required and has a default`);
    if (standard !== "" && !standard.includes("${{") && declared.parse(standard) === undefined) {
      problems.push(`${name} has the default ${shown(standard)}, which is not allowed: ${declared.allowed}`);
    }
    if (standard === "" && !declared.required && declared.empty === undefined) problems.push(`${name} needs a default`);
  }
  return problems;
}
