/** Which values of a file are encrypted: https://github.com/getsops/sops/blob/v3.13.2/sops.go, shouldBeEncrypted. */
import type { RE2JS } from "re2js";
import type { Selection } from "./metadata.ts";

/**
 * Decides for one value.
 * @param path keys from the top; lists add nothing
 * @param comments for each level from the top, the comments directly above what is looked at
 * @param isComment whether it is itself a comment, which then is the last of `comments`
 */
export type IsEncrypted = (
  path: readonly string[],
  comments: readonly (readonly string[])[],
  isComment: boolean,
) => boolean;

/** A rule, ready to be asked. */
export interface Selector {
  isEncrypted: IsEncrypted;
  /** Whether comments decide. */
  byComments: boolean;
  /** The rule's expression is none in Go's RE2. SOPS ignores that: the expression matches nothing. */
  invalid: boolean;
}

/** Regular expressions of a file run in linear time, by a port of Go's own engine, as they come from strangers. */
export async function selectorOf({ rule, text }: Selection): Promise<Selector> {
  const byComments = rule.includes("comment");
  if (rule.endsWith("suffix")) {
    const wanted = rule === "encrypted_suffix";
    return {
      isEncrypted: (path) => path.some((key) => key.endsWith(text)) === wanted,
      byComments,
      invalid: false,
    };
  }
  const expression = await compile(text);
  const known = new Map<string, boolean>();
  const matches = (subject: string): boolean => {
    const answer = known.get(subject) ?? expression?.test(subject) ?? false;
    known.set(subject, answer);
    return answer;
  };
  const decide: Record<string, IsEncrypted> = {
    encrypted_regex: (path) => path.some(matches),
    unencrypted_regex: (path) => !path.some(matches),
    unencrypted_comment_regex: (_, comments) => !comments.some((level) => level.some(matches)),
    // The comment that says so stays readable itself.
    encrypted_comment_regex: (_, comments, isComment) =>
      comments.some((level, i) =>
        level.some((line, j) => !(isComment && i === comments.length - 1 && j === level.length - 1) && matches(line)),
      ),
  };
  return { isEncrypted: decide[rule]!, byComments, invalid: expression === undefined };
}

// The engine is linear in the text, with a factor of the expression's size once its repetitions are written out.
const longestExpression = 10_000;

/** An expression of Go's RE2; undefined for one that is none. */
export async function compile(text: string): Promise<RE2JS | undefined> {
  if (text.length > longestExpression) return undefined;
  const { RE2JS } = await import("re2js");
  try {
    return RE2JS.compile(text);
  } catch {
    return undefined;
  }
}
