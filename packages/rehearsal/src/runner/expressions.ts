import { data, Evaluator, type Expr, Lexer, Parser } from "@actions/expressions";
import { ensureStatusFunction } from "./official.ts";

/** A value as JSON has it: what YAML holds and what expressions give. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/** The contexts by name (github, env, needs, …), each JSON or, where it is dear, a function that gives it. */
export type Contexts = Record<string, unknown>;
export type Functions = Record<string, (args: string[]) => boolean | string>;

const contextNames = "github env vars secrets steps needs job runner matrix strategy inputs jobs".split(" ");
const functionArity = { success: [0, 0], failure: [0, 0], always: [0, 0], cancelled: [0, 0], hashFiles: [1, 255] };
const functionInfos = Object.entries(functionArity).map(([name, [minArgs = 0, maxArgs = 0]]) => ({
  name,
  minArgs,
  maxArgs,
}));
const allowedContext = [...contextNames, ...functionInfos.map((f) => `${f.name}(${f.minArgs},${f.maxArgs})`)];
const parsed = new Map<string, Expr>();

/** Evaluates one expression (without `${{ }}`) by the official evaluator. */
function evaluated(expression: string, contexts: Contexts, functions: Functions): data.ExpressionData {
  let tree = parsed.get(expression);
  if (!tree) {
    tree = new Parser(new Lexer(expression).lex().tokens, contextNames, functionInfos).parse();
    parsed.set(expression, tree);
  }
  const definitions = functionInfos.map((info) => {
    const call = (...args: data.ExpressionData[]) =>
      toData((functions[info.name] ?? unavailable(info.name))(args.map((arg) => arg.coerceString())));
    return [info.name.toLowerCase(), { ...info, call }] as const;
  });
  return new Evaluator(tree, new LazyContexts(contexts), new Map(definitions)).evaluate();
}

/** Converts a context only when an expression asks for it; one that is not there is null. */
class LazyContexts extends data.Dictionary {
  readonly #contexts: Contexts;
  constructor(contexts: Contexts) {
    super();
    this.#contexts = contexts;
  }
  override get(name: string): data.ExpressionData {
    return toData(this.#contexts[name.toLowerCase()] ?? null);
  }
}

function unavailable(name: string) {
  return (): never => {
    throw new Error(`The function ${name}() cannot be used here.`);
  };
}

/** Evaluates every `${{ }}` in a value; a string that is one expression keeps that expression's type. */
export function evaluate(value: unknown, contexts: Contexts, functions: Functions = {}): Json {
  if (typeof value === "string") {
    const parts = split(value);
    const [only] = parts;
    if (parts.length === 1 && only?.expression) return fromData(evaluated(only.text, contexts, functions));
    return parts
      .map(({ text, expression }) => (expression ? evaluated(text, contexts, functions).coerceString() : text))
      .join("");
  }
  if (Array.isArray(value)) return value.map((item) => evaluate(item, contexts, functions));
  if (value === null || typeof value !== "object") return (value ?? null) as Json;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [text(key, contexts, functions), evaluate(item, contexts, functions)]),
  );
}

/** The same, as the string that a script, an input or a variable receives. */
export function text(value: unknown, contexts: Contexts, functions: Functions = {}): string {
  return toData(evaluate(value, contexts, functions)).coerceString();
}

/** A mapping whose values are evaluated to strings. */
export function texts(value: unknown, contexts: Contexts, functions: Functions = {}): Record<string, string> {
  const mapping = typeof value === "string" ? evaluate(value, contexts, functions) : value;
  return Object.fromEntries(
    Object.entries((mapping ?? {}) as Record<string, unknown>).map(([k, v]) => [k, text(v, contexts, functions)]),
  );
}

/** Whether an `if` holds: with or without `${{ }}`, and only on success unless it names a status function. */
export function condition(value: unknown, contexts: Contexts, functions: Functions): boolean {
  const source = String(value ?? "").trim() || "success()";
  const parts = split(source);
  // Text around an expression makes a string, which is true: GitHub's trap, kept.
  if (parts.length > 1 && parts.some(({ expression }) => expression)) return text(source, contexts, functions) !== "";
  const definition = { allowedContext } as Parameters<typeof ensureStatusFunction>[1];
  return truthy(evaluated(ensureStatusFunction(parts[0]!.text.trim(), definition), contexts, functions));
}

function truthy(value: data.ExpressionData): boolean {
  const plain = fromData(value);
  return typeof plain === "number" ? plain !== 0 && !Number.isNaN(plain) : Boolean(plain);
}

/** Splits at `${{ … }}`; a `}}` inside a quoted string does not end an expression. */
function split(source: string): { text: string; expression: boolean }[] {
  const parts = [];
  let rest = source;
  for (;;) {
    const start = rest.indexOf("${{");
    const end = start < 0 ? null : /^\$\{\{((?:'[^']*'|(?!\}\})[^'])*)\}\}/.exec(rest.slice(start));
    if (!end) break;
    if (start > 0) parts.push({ text: rest.slice(0, start), expression: false });
    parts.push({ text: end[1]!.trim(), expression: true });
    rest = rest.slice(start + end[0].length);
  }
  if (rest !== "" || parts.length === 0) parts.push({ text: rest, expression: false });
  return parts;
}

function toData(value: unknown): data.ExpressionData {
  if (typeof value === "function") return toData(value());
  if (typeof value === "string") return new data.StringData(value);
  if (typeof value === "number") return new data.NumberData(value);
  if (typeof value === "boolean") return new data.BooleanData(value);
  if (Array.isArray(value)) return new data.Array(...value.map(toData));
  if (value === null || value === undefined) return new data.Null();
  return new data.Dictionary(...Object.entries(value).map(([key, item]) => ({ key, value: toData(item) })));
}

function fromData(value: data.ExpressionData): Json {
  if (value instanceof data.Dictionary)
    return Object.fromEntries(value.pairs().map((pair) => [pair.key, fromData(pair.value)]));
  if (value instanceof data.Array) return value.values().map(fromData);
  if (value instanceof data.StringData || value instanceof data.BooleanData || value instanceof data.NumberData)
    return value.value;
  return null;
}
