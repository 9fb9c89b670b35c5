/** in-toto statements: which artifacts, and what is said of them. https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md */
import { UserError } from "@goatnote/action-io";

export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
/** The statement's type before 2023; npm and older generators still write it. */
const OLDER_STATEMENT_TYPE = "https://in-toto.io/Statement/v0.1";
export const PAYLOAD_TYPE = "application/vnd.in-toto+json";

/** Digests by algorithm, in lower-case hex. */
export type DigestSet = Record<string, string>;

export interface Subject {
  name: string;
  digest: DigestSet;
}

export interface Statement {
  _type: string;
  subject: Subject[];
  predicateType: string;
  predicate: unknown;
}

/** The bytes that are signed. */
export function encodeStatement(subject: readonly Subject[], predicateType: string, predicate: unknown): Buffer {
  return Buffer.from(JSON.stringify({ _type: STATEMENT_TYPE, subject, predicateType, predicate }));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSubject = (value: unknown): value is Subject =>
  isObject(value) &&
  (value.name === undefined || typeof value.name === "string") &&
  isObject(value.digest) &&
  Object.values(value.digest).every((hex) => typeof hex === "string");

/**
 * Reads a signed payload.
 * @throws UserError when it is no in-toto statement about at least one subject
 */
export function decodeStatement(payload: Uint8Array): Statement {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    throw new UserError("The signed payload is not JSON.");
  }
  if (!isObject(value) || (value._type !== STATEMENT_TYPE && value._type !== OLDER_STATEMENT_TYPE))
    throw new UserError("The signed payload is no in-toto statement of version 1 or 0.1.");
  const { _type, subject, predicateType, predicate } = value;
  if (typeof predicateType !== "string" || predicateType === "")
    throw new UserError("The signed statement has no predicate type.");
  if (!Array.isArray(subject) || subject.length === 0 || !subject.every(isSubject))
    throw new UserError("The signed statement has no usable subjects.");
  for (const each of subject) each.name ??= "";
  return { _type, subject, predicateType, predicate };
}
