import { UserError } from "@goatnote/action-io";

/** Why a file could not be used; for callers that tell these apart. */
export type SopsProblem =
  | "no-metadata" // not encrypted by SOPS
  | "no-key" // no key that was offered opens the data key
  | "mac-missing"
  | "mac-mismatch"
  | "tampered" // a single value does not authenticate
  | "malformed"
  | "too-large" // over one of the limits
  | "unsupported";

/** A file that cannot be decrypted, or may not be trusted. Its message holds no value, neither plain nor encrypted. */
export class SopsError extends UserError {
  override name = "SopsError";
  readonly problem: SopsProblem;
  constructor(problem: SopsProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}
