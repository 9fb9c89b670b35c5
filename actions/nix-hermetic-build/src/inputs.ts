import { boolean, declareInputs, lines, number, oneOf, secret, text, type Values } from "@goatnote/action-io";

export const runInputs = declareInputs({
  flake: text("a flake reference, such as `.` or `path:./nix`"),
  installables: lines("attributes or installables, one per line, or `none`"),
  check: boolean(),
  develop: text("the name of a development shell"),
  command: text("a script for bash"),
  image: text("an attribute or an installable"),
  sbom: oneOf("none", "runtime", "build"),
  cache: oneOf("auto", "true", "false"),
  "cache-public-key": text("`<name>:<base64>`"),
  "cache-signing-key": secret(),
  "cache-max-size": number({ min: 1, max: 1_000_000 }),
  "max-closure-size": number({ min: 0.0001, max: 10_000_000 }),
  "forbidden-references": lines("name patterns with `*`, one per line"),
  "require-hermetic": boolean(),
});

/**
 * The action itself takes these as well, and hands the others on.
 * @public The reference and the tests of action.yml find it by its name.
 */
export const mainInputs = declareInputs({
  ...runInputs,
  "install-nix": oneOf("auto", "never"),
  "nix-version": text("a version, such as `2.34.8`"),
  "nix-sha256": text("64 hex digits"),
});

export type Inputs = Values<typeof runInputs>;

export function contradictions(inputs: Inputs): string[] {
  const problems: string[] = [];
  if (inputs.command && !inputs.develop)
    problems.push("Input `command` needs `develop`, the shell that it runs in, such as `default`.");
  if (inputs.cache === "true" && !inputs["cache-public-key"])
    problems.push("Input `cache` is `true` without `cache-public-key`; a cache that nobody signed is not read.");
  if (inputs.installables.includes("none") && inputs.installables.length > 1)
    problems.push("Input `installables` says `none` and more; allowed: `none` alone, or installables.");
  return problems;
}

/** `.#app`, `app` or a whole installable, as one that names the flake. */
export const installableOf = (flake: string, name: string): string =>
  /[#:/^]/.test(name) ? name.replace(/^\.(?=#)/, flake) : name === "" ? flake : `${flake}#${name}`;
