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
  base: text("`auto`, `none` or a flake reference"),
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
  if (inputs["cache-signing-key"] && inputs.develop)
    problems.push(
      "Input `develop` runs the project's code outside the sandbox, where `cache-signing-key` could be stolen; put them into two jobs.",
    );
  if (
    namesOf(inputs).length === 0 &&
    (inputs["max-closure-size"] !== null || inputs["forbidden-references"].length > 0)
  )
    problems.push(
      "Inputs `max-closure-size` and `forbidden-references` need a result to look at, and nothing is built; name one in `installables`.",
    );
  return [...problems, ...unfitNames(inputs)];
}

/** Nix would take a word with a hyphen for an option, and another flake has a lock file that nobody looked at. */
function unfitNames({ flake, base, installables, image, develop }: Inputs): string[] {
  const problems: string[] = [];
  if (flake.includes("#")) problems.push("Input `flake` names a flake, without `#` and an attribute.");
  if (base.includes("#") || base === "") problems.push("Input `base` is `auto`, `none` or a flake, without `#`.");
  const given: [string, string[]][] = [
    ["flake", [flake]],
    ["base", [base]],
    ["installables", installables],
    ["image", [image]],
    ["develop", [develop]],
  ];
  for (const [input, names] of given)
    for (const name of names)
      if (name.startsWith("-")) problems.push(`Input \`${input}\` has ${name}, which Nix takes for an option.`);
      else if (input !== "flake" && input !== "base" && !isOf(flake, name))
        problems.push(
          `Input \`${input}\` has ${name}, which is not of \`flake\` (${flake}): its lock file would not be inspected. Name that flake in \`flake\`, in a step of its own.`,
        );
  return problems;
}

function isOf(flake: string, name: string): boolean {
  const [of = ""] = name.split("#", 1);
  return name.includes("#") ? ["", ".", flake].includes(of) : name === flake || !/[:/]/.test(name);
}

/** What is to be built: the names in `installables`, then the image. */
export function namesOf({ installables, image, develop }: Inputs): string[] {
  if (installables[0] === "none") return image ? [image] : [];
  const named = installables.length > 0 ? installables : develop || image ? [] : [""];
  return [...new Set(image ? [...named, image] : named)];
}

/** `.#app`, `#app`, `app` or a whole installable, as one of the flake. */
export const installableOf = (flake: string, name: string): string =>
  name === "" || name === flake ? flake : `${flake}#${name.slice(name.indexOf("#") + 1)}`;
