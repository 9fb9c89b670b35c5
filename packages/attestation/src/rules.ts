/** A rule that something verified was held against, for the table that a person reads. */
export interface Rule {
  /** What was asked, such as `source repository`. */
  name: string;
  passed: boolean;
  expected: string;
  actual: string;
  /** How to mend it, for a rule that failed. */
  mend?: string;
}

/** A rule that is kept when the two are equal, character by character. */
export function equal(name: string, expected: string, actual: string | undefined, mend?: string): Rule {
  return rule(name, actual === expected, expected, actual, mend);
}

export function rule(name: string, passed: boolean, expected: string, actual: string | undefined, mend?: string): Rule {
  return { name, passed, expected, actual: actual ?? "not stated", ...(!passed && mend && { mend }) };
}
