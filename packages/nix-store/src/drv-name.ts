/** Names and versions, as Nix parts them. */

export interface NameAndVersion {
  name: string;
  /** Null where the name holds none. */
  version: string | null;
}

/**
 * As Nix's `builtins.parseDrvName`: the version begins after the first dash that no letter follows.
 * https://nix.dev/manual/nix/latest/language/builtins#builtins-parseDrvName
 */
export function parseName(text: string): NameAndVersion {
  const at = text.search(/-[^A-Za-z]/);
  return at <= 0 ? { name: text, version: null } : { name: text.slice(0, at), version: text.slice(at + 1) };
}
