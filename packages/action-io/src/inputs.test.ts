import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  boolean,
  checkDeclaration,
  declareInputs,
  duration,
  type Field,
  type Fields,
  InputError,
  lines,
  number,
  oneOf,
  readInputs,
  required,
  secret,
  text,
} from "./inputs.ts";

function problemsOf(fields: Fields, environment: NodeJS.ProcessEnv): readonly string[] {
  try {
    readInputs(fields, environment);
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
  return [];
}

const whole = number({ min: 0, max: 10, integer: true });
const share = number({ min: 0, max: 1 });
const atLeastOne = number({ min: 1, max: Number.POSITIVE_INFINITY });

describe("a value that is allowed", () => {
  test.each<[string, Field<unknown>, string, unknown]>([
    ["text", text(), "a b\n c", "a b\n c"],
    ["text without the white space around it", text(), " \n a \n", "a"],
    ["text, empty", text(), "", ""],
    ["text of white space only", text(), " \n ", ""],
    ["secret", secret(), "s3cr3t-of-the-table", "s3cr3t-of-the-table"],
    ["secret, empty", secret(), "", ""],
    ["lines", lines(), " a \r\n\n b c\n", ["a", "b c"]],
    ["lines, empty", lines(), "", []],
    ["boolean", boolean(), "true", true],
    ["boolean", boolean(), "false", false],
    ["oneOf", oneOf("auto", "none"), "none", "none"],
    ["number", share, "0.95", 0.95],
    ["number at its bounds", share, "1", 1],
    ["number in short form", share, ".5", 0.5],
    ["number with exponent", share, "1e-3", 0.001],
    ["number, empty", share, "", null],
    ["number without a highest", atLeastOne, "1e6", 1_000_000],
    ["whole number", whole, "+7", 7],
    ["duration in h, m, s, ms", duration(), "1h30m2s5ms", 5_402_005],
    ["duration in m", duration(), "10m", 600_000],
    ["duration in ms", duration(), "10ms", 10],
    ["duration with a fraction", duration(), "1.5h", 5_400_000],
    ["duration to the millisecond", duration(), "0.0015s", 2],
    ["duration, empty", duration(), "", null],
  ])("%s", (_, field, raw, value) => {
    expect(readInputs({ "an input": field }, { INPUT_AN_INPUT: raw })).toEqual({ "an input": value });
  });
});

describe("a value that is not allowed", () => {
  test.each<[Field<unknown>, string[], string]>([
    [boolean(), ["yes", "True", "1", "on", "toString", "constructor", "__proto__"], "`true` or `false`"],
    [boolean(), [""], "`true` or `false`"],
    [oneOf("a", "b", "c"), ["A", "a,b", "a b"], "`a`, `b` or `c`"],
    [share, ["1.1", "-0.1", "NaN", "Infinity", "0x1", "1_0", "1,5", "50%", "one", "1 1"], "a number from 0 to 1"],
    [atLeastOne, ["0", "1e999"], "a number of 1 or more"],
    [whole, ["1.5", "11", "1e99"], "a whole number from 0 to 10"],
    [duration(), ["10", "m", "0s", "-1m", "1d", "1h 30m", "1.m", "30m1h", "1m1m", "1e3s"], "a duration such as"],
    [duration(), ["9".repeat(400).concat("h")], "a duration such as"],
  ])("%#", (field, values, allowed) => {
    for (const value of values) {
      const [problem, ...others] = problemsOf({ x: field }, { INPUT_X: value });
      expect(others).toEqual([]);
      expect(problem).toContain(`Input \`x\` is "${value.slice(0, 100)}`);
      expect(problem).toContain(`allowed: ${allowed}`);
    }
  });

  test("a required input that is missing", () => {
    const fields = { files: required(lines("one file per line")), token: required(secret()) };
    expect(problemsOf(fields, { INPUT_FILES: " " })).toEqual([
      "Input `files` is required: one file per line.",
      "Input `token` is required: a secret; never shown.",
    ]);
  });

  test("a long value is shown in part", () => {
    const [problem] = problemsOf({ x: boolean() }, { INPUT_X: "y".repeat(1000) });
    expect(problem).toContain(`"${"y".repeat(100)}…"`);
  });
});

test("numbers, durations and booleans accept nothing but their form", () => {
  const junk = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(..."0123456789.+-eEhms _,xn") }),
    fc.constantFrom(...Object.getOwnPropertyNames(Object.prototype)),
  );
  const any = number({ min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY });
  fc.assert(
    fc.property(junk, (value) => {
      const [n, d, b] = [any.parse(value), duration().parse(value), boolean().parse(value)];
      if (n !== undefined) {
        expect(value).toMatch(/^[+-]?[0-9.]+(e[+-]?[0-9]+)?$/i);
        expect(n).toSatisfy(Number.isFinite);
      }
      if (d !== undefined) {
        expect(value).toMatch(/^([0-9]+(\.[0-9]+)?(h|ms|m|s)){1,4}$/);
        expect(d).toSatisfy((it: number) => Number.isSafeInteger(it) && it > 0);
      }
      expect(b).toBe(value === "true" ? true : value === "false" ? false : undefined);
    }),
    { numRuns: 5000 },
  );
});

test("a duration is the sum of its parts", () => {
  const part = fc.nat(999);
  fc.assert(
    fc.property(part, part, part, part, (h, m, s, ms) => {
      const total = h * 3_600_000 + m * 60_000 + s * 1000 + ms;
      expect(duration().parse(`${h}h${m}m${s}s${ms}ms`)).toBe(total === 0 ? undefined : total);
    }),
  );
});

const several = declareInputs({ mode: oneOf("a", "b"), count: whole, token: secret(), wait: duration() });

test("all mistakes are told together", () => {
  const environment = { INPUT_MODE: "c", INPUT_COUNT: "many", INPUT_WAIT: "1m", INPUT_TOKNE: "x", PATH: "/bin" };
  expect(() => readInputs(several, environment)).toThrow(/^3 inputs need a change:\n- Input `mode`.*\n- .*\n- /);
  expect(problemsOf(several, environment)).toEqual([
    'Input `mode` is "c"; allowed: `a` or `b`.',
    'Input `count` is "many"; allowed: a whole number from 0 to 10.',
    "There is no input `tokne`; allowed: `mode`, `count`, `token`, `wait`.",
  ]);
});

test("one mistake is the message itself", () => {
  expect(() => readInputs({ x: boolean() }, { INPUT_X: "maybe" })).toThrow(
    /^Input `x` is "maybe"; allowed: `true` or `false`\.$/,
  );
});

describe("secrets are in no message", () => {
  const value = "ghp_5ecretOfInputs";
  test("when the input is misspelt", () => {
    expect(problemsOf(several, { INPUT_MODE: "a", INPUT_TOKNE: value }).join()).not.toContain(value);
  });
  test("when it cannot be parsed", () => {
    const picky = { ...secret(), parse: () => undefined };
    expect(problemsOf({ picky }, { INPUT_PICKY: value })).toEqual([
      "Input `picky` is not usable; allowed: a secret; never shown.",
    ]);
  });
  test("when it is also given to another input, in part shown or on several lines", () => {
    for (const again of [`${value}9`, `${value}${"x".repeat(200)}`, `first-line-${value}\nsecond-line-${value}`]) {
      const [problem] = problemsOf({ mode: oneOf("a"), token: secret() }, { INPUT_MODE: again, INPUT_TOKEN: again });
      expect(problem).toBe('Input `mode` is "***"; allowed: `a`.');
    }
  });
});

describe("contradictions", () => {
  const bothOrNone = ({ mode, count }: { mode: string; count: number | null }): string[] =>
    mode === "a" && count !== null ? ["`count` has no meaning with `mode: a`; leave one out."] : [];
  test("are an error", () => {
    expect(() => readInputs(several, { INPUT_MODE: "a", INPUT_COUNT: "1" }, bothOrNone)).toThrow(/leave one out/);
    expect(readInputs(several, { INPUT_MODE: "b", INPUT_COUNT: "1" }, bothOrNone)).toMatchObject({ count: 1 });
  });
  test("are not looked for among values that are wrong already", () => {
    const never = (): string[] => {
      throw new Error("asked");
    };
    expect(() => readInputs(several, { INPUT_MODE: "c" }, never)).toThrow(InputError);
  });
});

describe("declaration and action.yml", () => {
  const fields = declareInputs({
    mode: oneOf("a", "b"),
    files: required(lines()),
    token: secret(),
    count: whole,
    strict: boolean(),
    attempt: whole,
  });
  const inputs = {
    mode: { description: "Mode", default: "a" },
    files: { description: "Files", required: true },
    token: { description: "Token", default: "${{ github.token }}" },
    count: { description: "Count" },
    strict: { description: "Strict", default: true },
    attempt: { description: "Attempt", default: "${{ github.run_attempt }}" },
  };
  test("that agree", () => {
    expect(checkDeclaration(fields, { inputs })).toEqual([]);
    expect(checkDeclaration({}, {})).toEqual([]);
    expect(
      checkDeclaration(
        { list: lines(), n: whole },
        {
          inputs: { list: { description: "x", default: "a\nb\n" }, n: { description: "x", default: "3\n" } },
        },
      ),
    ).toEqual([]);
  });

  const { files: _, ...withoutFiles } = inputs;
  test.each([
    ["only in the declaration", withoutFiles, "files is only in the declaration"],
    ["only in action.yml", { ...inputs, extra: { description: "x" } }, "extra is only in action.yml"],
    ["no description", { ...inputs, count: {} }, "count has no description"],
    ["required there only", { ...inputs, count: { description: "x", required: true } }, "count is required in one"],
    ["required here only", { ...inputs, files: { description: "x" } }, "files is required in one of the two only"],
    [
      "required with a default",
      { ...inputs, files: { description: "x", required: true, default: "x" } },
      "files is required and has a default",
    ],
    [
      "a default that is not allowed",
      { ...inputs, mode: { description: "x", default: "z" } },
      'mode has the default "z", which is not allowed: `a` or `b`',
    ],
    ["no default where one is needed", { ...inputs, mode: { description: "x" } }, "mode needs a default"],
    [
      "a default that YAML reads as null",
      { ...inputs, mode: { description: "x", default: null as unknown as string } },
      "mode needs a default",
    ],
  ])("that differ: %s", (_, changed, problem) => {
    const problems = checkDeclaration(fields, { inputs: changed });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});
