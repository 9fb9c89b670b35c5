import {
  boolean,
  declareInputs,
  duration,
  lines,
  number,
  oneOf,
  required,
  text,
  type Values,
} from "@goatnote/action-io";
import { ofRunner, type VariationName, variationNames } from "@goatnote/build-comparison";

const paths = "paths or glob patterns, one per line";

export const mainInputs = declareInputs({
  build: text("a script for bash"),
  artifacts: lines(paths),
  installable: text("what Nix builds, such as `.#default`"),
  vary: lines(`\`all\`, \`none\`, names, or \`-name\`, one per line; names: ${variationNames.join(", ")}`),
  "include-ignored": lines(paths),
  "keep-env": lines("names of variables, one per line"),
  reference: text("a file or a folder"),
  mode: oneOf("assert", "report"),
  bisect: boolean(),
  diffoscope: oneOf("auto", "always", "never"),
  timeout: duration(),
  "output-dir": text("a folder"),
});

export const manifestInputs = declareInputs({
  artifacts: required(lines(paths)),
  "output-dir": text("a folder"),
});

export const compareInputs = declareInputs({
  manifests: required(lines("glob patterns, one per line")),
  "min-legs": number({ min: 2, max: 100, integer: true }),
  platforms: lines("`linux`, `darwin` or `win32`, alone or with an architecture (`linux arm64`), one per line"),
  mode: oneOf("assert", "report"),
  reference: text("a file or a folder"),
  "output-dir": text("a folder"),
});

/** A platform that no leg can have would be missing for ever. */
export function compareContradictions({ platforms }: { platforms: string[] }): string[] {
  const unknown = platforms.find((name) => !/^(linux|darwin|win32|freebsd|openbsd)( [a-z0-9_]+)?$/.test(name));
  return unknown === undefined
    ? []
    : [
        `Input \`platforms\` names ${JSON.stringify(unknown)}; allowed: \`linux\`, \`darwin\` (macOS) or \`win32\` (Windows), also with an architecture, such as \`darwin arm64\`.`,
      ];
}

const isName = (word: string): word is VariationName => (variationNames as readonly string[]).includes(word);

/** The variations that are asked for, in their usual order. */
export function askedVariations(vary: readonly string[]): VariationName[] {
  const left = new Set(vary.filter((word) => word.startsWith("-")).map((word) => word.slice(1)));
  const named = vary.filter((word) => !word.startsWith("-"));
  const all = named.includes("all") || named.length === 0;
  return variationNames.filter((name) => !left.has(name) && (all || named.includes(name)));
}

/** Whether `vary` names this variation, and does not merely mean all. */
export const isNamed = (vary: readonly string[], name: VariationName): boolean => vary.includes(name);

const leadsOut = (pattern: string): boolean => /^([/\\~]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)/.test(pattern);
const everything = /^(\.|\*\*?|\.\/|\*\*\/\*|\.git(\/.*)?)$/;

/** Patterns that would take the result for something else. */
export function artifactContradictions({ artifacts }: { artifacts: string[] }): string[] {
  const out = artifacts.find(leadsOut);
  if (out !== undefined)
    return [`Input \`artifacts\` names ${JSON.stringify(out)}; allowed: paths within the workspace.`];
  return artifacts.some((pattern) => everything.test(pattern))
    ? ["Input `artifacts` names everything; allowed: what the build makes."]
    : [];
}

export function contradictions(inputs: Values<typeof mainInputs>): string[] {
  const problems = [...artifactContradictions(inputs), ...kindContradictions(inputs)];
  const words = inputs.vary.map((word) => word.replace(/^-/, ""));
  const unknown = words.find((word) => !isName(word) && word !== "all" && word !== "none");
  if (unknown !== undefined)
    problems.push(
      `Input \`vary\` names ${JSON.stringify(unknown)}; allowed: \`all\`, \`none\`, ${variationNames.join(", ")}, each also with a minus.`,
    );
  if (inputs.vary.includes("none") && inputs.vary.length > 1)
    problems.push("Input `vary` says `none` and more; allowed: `none` alone, or the names.");
  if (inputs.vary.includes("-all") || inputs.vary.includes("-none"))
    problems.push(
      "Input `vary` leaves out `all` or `none`; allowed: `none` for no variation, or a minus before a name.",
    );
  const out = inputs["include-ignored"].find(leadsOut);
  if (out !== undefined)
    problems.push(`Input \`include-ignored\` names ${JSON.stringify(out)}; allowed: paths within the workspace.`);
  const kept = inputs["keep-env"].find((name) => !/^[A-Za-z_]\w*$/.test(name) || ofRunner.test(name));
  if (kept !== undefined)
    problems.push(
      `Input \`keep-env\` names ${JSON.stringify(kept)}; allowed: names of variables, but none that the runner gives to actions only.`,
    );
  return problems;
}

/** A script, or what Nix builds. */
function kindContradictions(inputs: Values<typeof mainInputs>): string[] {
  const { build, artifacts, installable, reference } = inputs;
  if (installable === "") {
    if (build === "") return ["Input `build` is missing; allowed: a script for bash, or `installable` in its place."];
    return artifacts.length === 0 ? ["Input `artifacts` is missing; allowed: what `build` makes."] : [];
  }
  if (/^-|\n/.test(installable))
    return [`Input \`installable\` is ${JSON.stringify(installable)}; allowed: one, such as \`.#default\`.`];
  if (inputs.diffoscope === "always")
    return ["Input `diffoscope` is `always`, which `installable` does not use; allowed: `auto` or `never`."];
  const others = {
    build,
    artifacts: artifacts.join(),
    "include-ignored": inputs["include-ignored"].join(),
    "keep-env": inputs["keep-env"].join(),
    reference,
  };
  const given = Object.entries(others).find(([, value]) => value !== "");
  return given ? [`Inputs \`installable\` and \`${given[0]}\` exclude each other; allowed: one of them.`] : [];
}

/** What GitHub's images say about themselves. */
export const imageOf = (environment: NodeJS.ProcessEnv): string =>
  [environment.ImageOS, environment.ImageVersion].filter(Boolean).join(" ");
