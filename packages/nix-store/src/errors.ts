/** Something that the user can mend, or that is wrong with what was read; its message says what to do. */
export class NixError extends Error {
  override name = "NixError";
  /** The message is meant for the user. */
  readonly foreseen = true;
}
