/** What a package says of itself, in nixpkgs' `meta`; it is not in the derivation and has to be evaluated. */

/** A licence by its SPDX id, or by its name where it has none. */
export interface Licence {
  spdxId: string | null;
  name: string;
}

export interface Meta {
  /** Several are as nixpkgs lists them, which does not say whether all apply or one may be chosen. */
  licences: Licence[];
  description: string | null;
  homepage: string | null;
  /** The CPE 2.3 name that the maintainers state. */
  cpe: string | null;
  /** CPE 2.3 names that might be its; guesses. */
  possibleCpes: string[];
}

type Json = Record<string, unknown>;
const object = (value: unknown): Json =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Json) : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
const text = (value: unknown): string | null =>
  typeof value === "string" && value.trim() !== "" ? value.trim() : null;
const isCpe = (value: unknown): value is string =>
  typeof value === "string" && /^cpe:2\.3:[aho*-](:[^:\s]+){10}$/.test(value);

/**
 * Reads what `nix eval --json <installable>.meta` prints; what is missing or otherwise than nixpkgs writes it is left out.
 * https://nixos.org/manual/nixpkgs/stable/#chap-meta
 */
export function readMeta(value: unknown): Meta {
  const { license, description, homepage, identifiers } = object(value);
  const { cpe, possibleCPEs } = object(identifiers);
  const licences = list(license).flatMap((each): Licence[] => {
    const { spdxId, fullName, shortName } = object(each);
    const name = text(each) ?? text(fullName) ?? text(shortName) ?? text(spdxId);
    // Very old ones are a word, which may be an id.
    return name === null ? [] : [{ spdxId: text(spdxId) ?? text(each), name }];
  });
  return {
    licences,
    description: text(description),
    homepage:
      list(homepage)
        .map(text)
        .find((each) => each !== null && /^https?:\/\/\S+$/.test(each)) ?? null,
    cpe: isCpe(cpe) ? cpe : null,
    possibleCpes: list(possibleCPEs)
      .map((each) => object(each).cpe ?? each)
      .filter(isCpe),
  };
}
