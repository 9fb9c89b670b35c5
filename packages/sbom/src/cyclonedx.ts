/** CycloneDX in JSON. https://cyclonedx.org/docs/1.6/json/ */

import { type About, asUri, serialOf, timestamp, titleOf } from "./document.ts";
import type { Hash } from "./fixed-output.ts";
import type { Component, Inventory } from "./inventory.ts";
import { listedId } from "./licences.ts";

export type CyclonedxVersion = "1.5" | "1.6" | "1.7";

const algorithms: Record<Hash["algorithm"], string> = {
  md5: "MD5",
  sha1: "SHA-1",
  sha256: "SHA-256",
  sha512: "SHA-512",
};
const asHash = ({ algorithm, hex }: Hash) => ({ alg: algorithms[algorithm], content: hex });
const property = (name: string, value: string | number | null | undefined) =>
  value === null || value === undefined ? [] : [{ name: `nix:${name}`, value: String(value) }];
const some = <T>(items: T[]): T[] | undefined => (items.length > 0 ? items : undefined);

/**
 * One document, the same bytes for the same input.
 *
 * The hash of a component is SHA-256 of its NAR, and for a download that is one file, that of the file.
 * `dependsOn` are references and, in a build closure, what the derivation takes in besides, which is told in the
 * property `nix:build_input`; what is needed for building only has the scope `excluded`.
 */
export function cyclonedx(inventory: Inventory, about: About, specVersion: CyclonedxVersion = "1.6"): string {
  const byRef = new Map(inventory.components.map((component) => [component.ref, component]));
  const [root, ...others] = inventory.roots.map((ref) => byRef.get(ref)!);
  const main = others.length === 0 ? root : undefined;
  const context = { byRef, specVersion };
  const named = {
    ...(about.name !== undefined && { name: about.name }),
    ...(about.version && { version: about.version }),
  };
  const subject = main
    ? { ...asComponent(main, context), type: "application", ...named, scope: undefined }
    : { type: "application", "bom-ref": inventory.closureDigest, name: titleOf(inventory, about), ...named };
  const listed = inventory.components.filter(({ part }) => part !== "origin");
  const top = main ? [] : [{ ref: inventory.closureDigest, dependsOn: inventory.roots }];
  const document = {
    $schema: `http://cyclonedx.org/schema/bom-${specVersion}.schema.json`,
    bomFormat: "CycloneDX",
    specVersion,
    serialNumber: `urn:uuid:${serialOf(inventory)}`,
    version: 1,
    metadata: {
      timestamp: timestamp(about.created),
      lifecycles: [{ phase: "build" }],
      tools: { components: [{ type: "application", ...about.tool }] },
      component: subject,
      properties: property("closure_digest", inventory.closureDigest),
    },
    components: listed.filter((component) => component !== main).map((component) => asComponent(component, context)),
    dependencies: [...top, ...listed.map(edgesOf)],
    compositions: [{ aggregate: "complete", dependencies: [subject["bom-ref"]] }],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

interface Context {
  byRef: ReadonlyMap<string, Component>;
  specVersion: CyclonedxVersion;
}

const edgesOf = ({ ref, references, buildInputs }: Component) => {
  const dependsOn = [...new Set([...references, ...buildInputs])].sort();
  return { ref, ...(dependsOn.length > 0 && { dependsOn }) };
};

function asComponent(component: Component, context: Context) {
  const { ref, part, name, version, meta, buildInputs, references } = component;
  return {
    // Scanners look at libraries only; a download of a package registry is one.
    type: component.isFile || (component.download && !component.download.purl) ? "file" : "library",
    "bom-ref": ref,
    name,
    version: version ?? undefined,
    description: meta?.description ?? undefined,
    scope: part === "runtime" ? "required" : "excluded",
    hashes: some(hashesOf(component)),
    licenses: some(licencesOf(component, context)),
    cpe: meta?.cpe ?? undefined,
    purl: component.purl,
    externalReferences: some(linksOf(component, context)),
    pedigree: pedigreeOf(component, context),
    properties: some([
      ...(ref.includes("^") ? [] : property("output_path", ref)),
      ...property("drv_path", component.derivation),
      ...property("nar_hash", component.narHash && `${component.narHash.algorithm}:${component.narHash.hex}`),
      ...property("nar_size", component.narSize),
      ...(meta?.possibleCpes ?? []).flatMap((cpe) => property("possible_cpe", cpe)),
      ...buildInputs.filter((input) => !references.includes(input)).flatMap((input) => property("build_input", input)),
    ]),
  };
}

function hashesOf({ download, narHash }: Component) {
  const hash = download?.hash && download.hashIsOfFile ? download.hash : narHash;
  return hash ? [asHash(hash)] : [];
}

function licencesOf({ meta }: Component, { specVersion }: Context) {
  // Which of the two it is can be said since 1.6.
  const acknowledgement = specVersion === "1.5" ? {} : { acknowledgement: "declared" };
  return (meta?.licences ?? []).map((licence) => {
    const id = listedId(licence);
    return { license: { ...(id === null ? { name: licence.name } : { id }), ...acknowledgement } };
  });
}

function linksOf({ meta, download, sources }: Component, { byRef, specVersion }: Context) {
  const homepage = meta?.homepage ? asUri(meta.homepage) : undefined;
  const ofSources = sources.flatMap((ref) =>
    downloadLinks(byRef.get(ref)!, specVersion === "1.5" ? "distribution" : "source-distribution"),
  );
  return [
    ...(homepage ? [{ type: "website", url: homepage }] : []),
    ...(download ? downloadLinks({ download }, "distribution") : []),
    ...ofSources,
  ];
}

function downloadLinks({ download }: Pick<Component, "download">, type: string) {
  const hash = download?.hash && download.hashIsOfFile ? { hashes: [asHash(download.hash)] } : {};
  return (download?.urls ?? []).flatMap((each) => {
    const url = asUri(each);
    return url === undefined ? [] : [{ type, url, ...hash }];
  });
}

/** Sources that have a name beyond this build, and patches. */
function pedigreeOf({ sources, patches }: Component, { byRef }: Context) {
  const ancestors = sources
    .map((ref) => byRef.get(ref)!)
    .filter(({ download }) => download?.purl)
    .map(({ name, version, purl, download }) => ({
      type: "library",
      name,
      version: version ?? undefined,
      hashes: download?.hash && download.hashIsOfFile ? [asHash(download.hash)] : undefined,
      purl,
    }));
  const applied = patches.map((ref) => patchOf(byRef.get(ref)!));
  if (ancestors.length + applied.length === 0) return undefined;
  return { ancestors: some(ancestors), patches: some(applied) };
}

/** Who patches against a vulnerability mostly names it in the file. */
function patchOf({ ref, download }: Component) {
  const url = download?.urls.map(asUri).find((each) => each !== undefined);
  const text = `${ref} ${url ?? ""}`;
  const resolves = [...new Set(text.match(/CVE-\d{4}-\d{4,}/gi)?.map((id) => id.toUpperCase()))].sort();
  return {
    type: "unofficial",
    diff: { url: url ?? `file://${ref}` },
    resolves: some(resolves.map((id) => ({ type: "security", id }))),
  };
}
