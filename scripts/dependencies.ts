/**
 * Writes action-docs/dependencies.md: every package that the actions are built from, and every tool of the house, with its
 * reason. What has no reason, and a reason of what is not there, is an error. Sizes are of the build of the present sources.
 *
 *   node scripts/dependencies.ts
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, sizesBeside } from "./build.ts";

const root = dirname(import.meta.dirname);

/** Who keeps a package, and why it is here. */
type Reason = [keptBy: string, why: string];

const bundled: Record<string, Reason> = {
  "@actions/artifact": ["GitHub", "artifacts of a run; its protocol is documented nowhere else"],
  "@actions/cache": ["GitHub", "the Actions cache, both of its protocols"],
  "@actions/core": ["GitHub", "inputs, outputs, masks and ID tokens"],
  "@actions/github": ["GitHub", "the REST API"],
  "@protobuf-ts/runtime-rpc": [
    "protobuf-ts",
    "what `@actions/artifact` asks for beside itself, without the code generator that it lists",
  ],
  "@actions/http-client": ["GitHub", "one request that follows no redirection, through the proxies of the environment"],
  "@npmcli/agent": ["npm", "connections of the registry client, which are looked at before anything is sent"],
  "@scure/base": ["Paul Miller", "bech32, for age recipients; `age-encryption` is built on it"],
  "@sigstore/bundle": ["Sigstore", "bundles of signatures, their form"],
  "@sigstore/core": ["Sigstore", "X.509, timestamps and envelopes"],
  "@sigstore/oci": ["Sigstore", "attestations beside images in a registry"],
  "@sigstore/protobuf-specs": ["Sigstore", "the types of bundles and trusted roots"],
  "@sigstore/sign": ["Sigstore", "signing: Fulcio, Rekor, timestamps"],
  "@sigstore/verify": ["Sigstore", "verifying, which nobody should write twice"],
  "age-encryption": ["Filippo Valsorda", "age by its author: keys of SOPS files without a program"],
  "ml-cart": ["mljs", "one small tree that says why tests were chosen"],
  "packageurl-js": ["package-url", "package URLs by their own reference"],
  re2js: ["Oleksii Vasyliev", "regular expressions of `.sops.yaml` as Go reads them, in linear time"],
  snappyjs: ["Zhipeng Jia", "GitHub's store packs bundles with snappy"],
  "spdx-license-ids": ["jslicense", "the list of SPDX licences, as data"],
  yaml: ["Eemeli Aro", "YAML with positions and comments, as SOPS needs it"],
};

/** For tests and scripts alone; none of it is published. */
const tools: Record<string, Reason> = {
  "@actions/artifact": ["GitHub", "the official client, beside which ours is tested"],
  "@actions/expressions": ["GitHub", "the rehearsal evaluates expressions by it"],
  "@actions/languageservice": ["GitHub", "checks every workflow and step in the documentation"],
  "@actions/workflow-parser": ["GitHub", "the rehearsal reads workflows by it"],
  "@biomejs/biome": ["Biome", "format and lint"],
  "@changesets/changelog-git": ["changesets", "the entries of changelogs, with the commit of each"],
  "@changesets/cli": ["changesets", "versions and changelogs"],
  "@cyclonedx/cyclonedx-library": ["CycloneDX", "judges our SBOMs"],
  "@noble/curves": ["Paul Miller", "checks what the log of the rehearsal is given over digests alone"],
  "@sigstore/mock": ["Sigstore", "encodes certificates and timestamps of the rehearsal's Sigstore"],
  "@types/node": ["DefinitelyTyped", "types of Node"],
  "@vercel/ncc": ["Vercel", "bundles"],
  "age-encryption": ["Filippo Valsorda", "keys for tests"],
  ajv: ["Evgeny Poberezkin", "judges documents by their JSON schemas"],
  "ajv-formats": ["ajv", "formats of those schemas"],
  "ajv-formats-draft2019": ["luzlab", "formats of newer schemas"],
  "fast-check": ["Nicolas Dubien", "properties"],
  "fast-xml-parser": ["Amit Gupta", "a second opinion on XML"],
  htmlparser2: ["fb55", "a third, and the HTML of summaries"],
  knip: ["Lars Kappert", "code and dependencies that nothing uses"],
  "markdown-it": ["markdown-it", "summaries as pages"],
  rolldown: ["VoidZero", "minifies bundles, and gives syntax trees to the tests of the architecture"],
  typescript: ["Microsoft", "types, and JavaScript to bundle"],
  vitest: ["VoidZero", "tests"],
  "vscode-languageserver-textdocument": ["Microsoft", "what the language service takes documents as"],
  xml2js: ["Marek Kubica", "a second opinion on XML"],
  yaml: ["Eemeli Aro", "workflows and pages in tests"],
};

interface Manifest {
  name?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  packages?: Record<
    string,
    {
      version?: string;
      license?: string;
      dependencies?: Record<string, string>;
      optionalDependencies?: Record<string, string>;
    }
  >;
}
const manifest = (file: string): Manifest => JSON.parse(readFileSync(join(root, file), "utf8")) as Manifest;

/** What actions are built from: dependencies of actions and packages, but for the rehearsal, which is for tests. */
export function shippedDependencies(): Record<string, string> {
  const files = globSync("{actions,packages}/*/package.json", { cwd: root }).filter(
    (file) => !file.includes("rehearsal"),
  );
  const all = Object.assign({}, ...files.map((file) => manifest(file).dependencies ?? {})) as Record<string, string>;
  return Object.fromEntries(
    Object.entries(all)
      .filter(([name]) => !name.startsWith("@goatnote/"))
      .sort(),
  );
}

/** What tests and scripts use. */
function toolDependencies(): Record<string, string> {
  const rehearsal = manifest("packages/rehearsal/package.json").dependencies ?? {};
  const all = { ...manifest("package.json").devDependencies, ...rehearsal };
  const shipped = shippedDependencies();
  const own = Object.keys(manifest("package.json").devDependencies ?? {});
  return Object.fromEntries(
    Object.entries(all)
      .filter(([name]) => !name.startsWith("@goatnote/") && (own.includes(name) || !(name in shipped)))
      .sort(),
  );
}

const lock = (): NonNullable<Manifest["packages"]> => manifest("package-lock.json").packages ?? {};

/** How many other packages a package brings, by the lock file. */
function brings(name: string): number {
  const packages = lock();
  const seen = new Set<string>();
  const visit = (each: string): void => {
    const found = packages[`node_modules/${each}`];
    if (!found || seen.has(each)) return;
    seen.add(each);
    for (const next of Object.keys({ ...found.dependencies, ...found.optionalDependencies })) visit(next);
  };
  visit(name);
  return seen.size - 1;
}

/** What is wrong with the reasons: packages without one, and reasons without a package. */
export function unreasoned(): string[] {
  const differ = (what: string, wanted: string[], given: string[]): string[] => [
    ...wanted
      .filter((name) => !given.includes(name))
      .map((name) => `${what}: ${name} has no reason in scripts/dependencies.ts`),
    ...given.filter((name) => !wanted.includes(name)).map((name) => `${what}: ${name} is not there`),
  ];
  return [
    ...differ("bundled", Object.keys(shippedDependencies()), Object.keys(bundled)),
    ...differ("tools", Object.keys(toolDependencies()), Object.keys(tools)),
  ];
}

/** For each bundled package the most kilobytes of source that it, without what it brings, gave one bundle; and those bundles. */
export async function sizes(): Promise<Record<string, { kilobytes: number; actions: string[] }>> {
  const all: Record<string, Record<string, number>> = JSON.parse(readFileSync(sizesBeside(await build()), "utf8"));
  return Object.fromEntries(
    Object.keys(bundled).map((name) => {
      const actions = Object.keys(all).filter((action) => all[action]?.[name]);
      return [name, { kilobytes: Math.max(0, ...actions.map((action) => (all[action]?.[name] ?? 0) / 1000)), actions }];
    }),
  );
}

async function page(): Promise<string> {
  const measured = await sizes();
  const licence = (name: string): string => lock()[`node_modules/${name}`]?.license ?? "";
  const rows = Object.entries(shippedDependencies()).map(([name, version]) => {
    const [keptBy, why] = bundled[name] as Reason;
    const { kilobytes, actions } = measured[name] ?? { kilobytes: 0, actions: [] };
    return [
      `\`${name}\``,
      version,
      licence(name),
      why,
      keptBy,
      String(brings(name)),
      kilobytes.toFixed(0),
      actions.join(", ") || "none: types, or loaded from another package",
    ];
  });
  const toolRows = Object.entries(toolDependencies()).map(([name, version]) => {
    const [keptBy, why] = tools[name] as Reason;
    return [`\`${name}\``, version, licence(name), why, keptBy, String(brings(name))];
  });
  const table = (head: string[], body: string[][]): string =>
    [head, head.map(() => "---"), ...body].map((row) => `| ${row.join(" | ")} |`).join("\n");
  return `<!-- Written by \`node scripts/dependencies.ts\`. Change that. -->
# Dependencies

Versions are exact and locked. A new one states its reason here, or a test fails; an update is read before it is taken, and waits a week (\`.github/dependabot.yml\`). What a published action holds of them is in its \`licences.txt\`, and each release has an SBOM.

## In the bundles

\`kB\` is the source that the package itself, without what it brings, gives the bundle that has most of it, before it is minified.

${table(["package", "version", "licence", "why", "kept by", "brings", "kB", "in"], rows)}

## For tests and scripts

None of these is published.

${table(["package", "version", "licence", "why", "kept by", "brings"], toolRows)}
`;
}

if (import.meta.main) {
  const problems = unreasoned();
  for (const problem of problems) console.error(`dependencies: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  else writeFileSync(join(root, "action-docs/dependencies.md"), await page());
}
