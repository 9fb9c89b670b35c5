/** What a closure is made of: one component for each store object, with exact edges, for any format. */
import { UserError } from "@goatnote/action-io";
import { closureDigest, type Derivation, type PathInfo } from "@goatnote/nix-store";
import { type Download, downloadOf, fixedOutput, type Hash, listAttribute, readHash } from "./fixed-output.ts";
import type { Meta } from "./meta.ts";
import { baseName, nameOfDerivation, nameOfPath, storeHash, withoutArchiveEnding } from "./names.ts";
import { purl } from "./source-url.ts";

/** What an inventory is taken of. */
export interface Closure {
  /** Store paths that it is about. */
  roots: readonly string[];
  /** At least all that the roots refer to, by any number of steps. */
  objects: readonly PathInfo[];
  /** For `build` all that those of the roots need; for `runtime` as many as are known. */
  derivations: readonly Derivation[];
  /** `runtime`: what the roots refer to. `build`: what they are built with and from, too. */
  scope: "runtime" | "build";
  /** By store path or by derivation. */
  meta?: Readonly<Record<string, Meta>>;
}

export interface Component {
  /** The store path; `<derivation>^<output>` where only a build would tell it. */
  ref: string;
  /** `origin`: no part of the closure, but a source or patch of something in it. */
  part: "runtime" | "build" | "origin";
  name: string;
  version: string | null;
  /** The name of the output, when it is another than `out`. */
  output: string | null;
  /** Of what has a derivation that makes it. */
  derivation: string | null;
  purl: string;
  narHash: Hash | null;
  narSize: number | null;
  /** For what was downloaded. */
  download: Download | null;
  /** No derivation made it: it came with the expression. */
  isFile: boolean;
  meta: Meta | null;
  /** What it refers to, itself left out, sorted. */
  references: string[];
  /** What its derivation takes in, sorted; empty unless the scope is `build`. */
  buildInputs: string[];
  /** Components that its derivation names as sources and as patches. */
  sources: string[];
  patches: string[];
}

export interface Inventory {
  roots: string[];
  scope: Closure["scope"];
  /** In the order of their refs; also those that are only sources or patches of others. */
  components: Component[];
  /** Of the runtime closure, `sha256:<hex>`. */
  closureDigest: string;
}

const sorted = (texts: Iterable<string>): string[] => [...new Set(texts)].sort();

/**
 * @throws UserError when something that a root needs was not given
 */
export function takeInventory(closure: Closure): Inventory {
  const store = indexed(closure);
  const runtime = runtimeClosure(closure.roots, store.objects);
  const inputs = closure.scope === "build" ? buildClosure(runtime, store) : new Map<string, string[]>();
  const parts = new Map<string, Component["part"]>();
  for (const ref of [...inputs.values()].flat()) parts.set(ref, "build");
  for (const ref of runtime) parts.set(ref, "runtime");
  const components = [...parts].map(([ref, part]) => describe(ref, part, store, inputs, closure.meta ?? {}));
  for (const ref of new Set(components.flatMap(({ sources, patches }) => [...sources, ...patches]))) {
    if (!parts.has(ref)) components.push(describe(ref, "origin", store, inputs, closure.meta ?? {}));
  }
  return {
    roots: sorted(closure.roots),
    scope: closure.scope,
    components: components.sort((a, b) => (a.ref < b.ref ? -1 : 1)),
    closureDigest: closureDigest(runtime.map((path) => store.objects.get(path)!)),
  };
}

interface Store {
  objects: Map<string, PathInfo>;
  derivations: Map<string, Derivation>;
  /** Which output of which derivation a ref is. */
  makers: Map<string, { derivation: Derivation; output: string }>;
}

/** The ref of an output; several derivations may have the same fixed output, of which the first in order is told. */
const refOf = ({ path, outputs }: Derivation, output: string): string => outputs[output]?.path ?? `${path}^${output}`;

function indexed({ objects, derivations }: Closure): Store {
  const ordered = [...derivations].sort((a, b) => (a.path < b.path ? -1 : 1));
  const makers: Store["makers"] = new Map();
  for (const derivation of ordered) {
    for (const output of Object.keys(derivation.outputs)) {
      const ref = refOf(derivation, output);
      if (!makers.has(ref)) makers.set(ref, { derivation, output });
    }
  }
  const all = new Map(objects.map((object) => [object.path, object]));
  const known = new Map(ordered.map((derivation) => [derivation.path, derivation]));
  // What is content-addressed names its maker only here; its derivation does not know its path.
  for (const { path, deriver } of objects) {
    const derivation = deriver === null ? undefined : known.get(deriver);
    if (derivation && !makers.has(path)) makers.set(path, { derivation, output: outputOf(path, derivation) });
  }
  return { objects: all, derivations: known, makers };
}

/** The output whose name a store path ends in. */
const outputOf = (path: string, { name, outputs }: Derivation): string =>
  Object.keys(outputs).find((output) => path.endsWith(`-${name}-${output}`)) ?? "out";

function runtimeClosure(roots: readonly string[], objects: Store["objects"]): string[] {
  const found = new Set<string>(roots);
  for (const path of found) {
    const object = objects.get(path);
    if (!object) throw new UserError(`The closure is not complete: nothing is known of ${path}.`);
    for (const reference of object.references) found.add(reference);
  }
  return [...found];
}

/** Refs that each derivation takes in, for all that the runtime closure is built with. */
function buildClosure(runtime: readonly string[], { derivations, makers }: Store): Map<string, string[]> {
  const inputs = new Map<string, string[]>();
  const open = new Set(runtime.flatMap((path) => makers.get(path)?.derivation.path ?? []));
  for (const path of open) {
    const derivation = derivations.get(path);
    if (!derivation) throw new UserError(`The build closure is not complete: nothing is known of ${path}.`);
    const made = Object.entries(derivation.inputDerivations).flatMap(([input, outputs]) => {
      open.add(input);
      const maker = derivations.get(input);
      return maker ? outputs.map((output) => refOf(maker, output)) : [];
    });
    inputs.set(path, sorted([...derivation.inputSources, ...made]));
  }
  return inputs;
}

function describe(
  ref: string,
  part: Component["part"],
  store: Store,
  inputs: ReadonlyMap<string, string[]>,
  meta: Readonly<Record<string, Meta>>,
): Component {
  const object = store.objects.get(ref);
  const maker = store.makers.get(ref);
  const { derivation } = maker ?? {};
  const download = derivation ? (downloadOf(derivation) ?? null) : null;
  const fixed = derivation !== undefined && fixedOutput(derivation) !== undefined;
  const { name, version, output } = named(ref, maker, download);
  return {
    ref,
    part,
    name,
    version,
    output,
    derivation: derivation?.path ?? null,
    purl: download?.purl ?? nixPurl(ref, name, version, output, derivation),
    narHash: object ? readHash(object.narHash) : null,
    narSize: object?.narSize ?? null,
    download,
    isFile: !derivation && (part !== "runtime" || (object?.ca ?? null) !== null),
    meta: meta[ref] ?? (derivation ? (meta[derivation.path] ?? null) : null),
    references: sorted(object?.references ?? []).filter((path) => path !== ref),
    buildInputs: derivation ? (inputs.get(derivation.path) ?? []).filter((input) => input !== ref) : [],
    sources: derivation && !fixed ? inputsNamed(derivation, ["src", "srcs"], store) : [],
    patches: derivation && !fixed ? inputsNamed(derivation, ["patches"], store) : [],
  };
}

function named(ref: string, maker: { derivation: Derivation; output: string } | undefined, download: Download | null) {
  if (!maker) return nameOfPath(ref);
  const { name, version } = /\.(patch|diff)$/.test(maker.derivation.name)
    ? { name: maker.derivation.name, version: null }
    : nameOfDerivation(maker.derivation);
  const output = maker.output === "out" ? null : maker.output;
  if (!download) return { name, version, output };
  // A download is called as it was unpacked, often only `source`; its package URL knows better.
  const [, plain, of] = /^pkg:[^/]+\/(?:.*\/)?([^/@]+)(?:@([^?#]+))?/.exec(download.purl ?? "") ?? [];
  if (plain) return { name: decodeURIComponent(plain), version: of ? decodeURIComponent(of) : version, output };
  return version === null
    ? { name, version: download.revision, output }
    : { name, version: withoutArchiveEnding(version), output };
}

/** With the qualifiers of syft's cataloger of Nix stores; `nix` is a candidate for a type of package URLs. */
function nixPurl(
  ref: string,
  name: string,
  version: string | null,
  output: string | null,
  derivation: Derivation | undefined,
): string {
  return purl("nix", null, name, version, {
    ...(derivation && { drvpath: baseName(derivation.path) }),
    ...(output !== null && { output }),
    ...(!ref.includes("^") && { outputhash: storeHash(ref) }),
  });
}

/** Inputs of a derivation that an attribute names, by their path or a path in them. */
function inputsNamed(derivation: Derivation, keys: readonly string[], { derivations }: Store): string[] {
  const words = keys.flatMap((key) => listAttribute(derivation, key));
  if (words.length === 0) return [];
  const made = Object.entries(derivation.inputDerivations).flatMap(([path, outputs]) => {
    const maker = derivations.get(path);
    return maker ? outputs.map((output) => refOf(maker, output)) : [];
  });
  const inputs = [...derivation.inputSources, ...made];
  return sorted(words.flatMap((word) => inputs.find((input) => word === input || word.startsWith(`${input}/`)) ?? []));
}
