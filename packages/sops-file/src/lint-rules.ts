/** The rules by which files are checked without a key, and what a finding is. */

export type Level = "error" | "warning" | "note";

/** The rules by their ids. */
export const lintRules = {
  S1: { level: "error", name: "NotEncrypted", text: "A file that a creation rule names is not encrypted" },
  S2: { level: "error", name: "PlainValue", text: "A value is plain that should be encrypted by the rule of its file" },
  S3: { level: "error", name: "OtherKeys", text: "The keys of a file differ from its creation rule" },
  S4: { level: "warning", name: "OtherSettings", text: "What is encrypted in a file differs from its creation rule" },
  S5: {
    level: "error",
    name: "InvalidExpression",
    text: "A regular expression is none in Go's RE2: SOPS then encrypts nothing by it",
  },
  S6: { level: "warning", name: "NoRule", text: "An encrypted file falls under no creation rule" },
  S7: { level: "warning", name: "OtherFormat", text: "SOPS takes an encrypted file for another format by its name" },
  S8: { level: "warning", name: "IgnoredConfig", text: "SOPS reads .sops.yaml, not .sops.yml" },
  S9: {
    level: "error",
    name: "Unreadable",
    text: "SOPS cannot read a file: keys twice, keys that are no text, remains of a merge",
  },
  S10: { level: "note", name: "PartialMac", text: "The MAC of a file covers encrypted values only" },
  S11: { level: "error", name: "PlainSibling", text: "The plain form of an encrypted file is committed beside it" },
  S12: {
    level: "warning",
    name: "CommentInList",
    text: "SOPS 3.13.2 cannot read a file with an encrypted comment in a list",
  },
  S13: { level: "error", name: "Threshold", text: "The Shamir threshold of a file does not fit its key groups" },
} as const satisfies Record<string, { level: Level; name: string; text: string }>;
export type LintRule = keyof typeof lintRules;

export interface Finding {
  rule: LintRule;
  level: Level;
  path: string;
  /** From 1. */
  line: number;
  /** Names and places, never a value. */
  message: string;
}
