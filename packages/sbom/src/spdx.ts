/** SPDX 2 in JSON. https://spdx.github.io/spdx-spec/v2.3/ */
import { type About, asUri, serialOf, timestamp, titleOf } from "./document.ts";
import type { Component, Inventory } from "./inventory.ts";
import { listedId } from "./licences.ts";
import { baseName } from "./names.ts";

export type SpdxVersion = "2.2" | "2.3";

const none = "NOASSERTION";

/**
 * One document, the same bytes for the same input. References are `DEPENDS_ON`, what a derivation takes in is
 * `BUILD_DEPENDENCY_OF`, its sources `GENERATED_FROM`, its patches `PATCH_APPLIED`.
 */
export function spdx(inventory: Inventory, about: About, version: SpdxVersion = "2.3"): string {
  const { components, roots } = inventory;
  const ids = idsOf(components);
  const name = titleOf(inventory, about);
  const serial = serialOf(inventory);
  const document = {
    spdxVersion: `SPDX-${version}`,
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name,
    documentNamespace: `https://goatnote.dev/spdx/${encodeURIComponent(name)}-${serial}`,
    creationInfo: { created: timestamp(about.created), creators: [`Tool: ${about.tool.name}-${about.tool.version}`] },
    comment: `Nix closure ${inventory.closureDigest}, scope ${inventory.scope}.`,
    packages: components.map((component) => asPackage(component, ids, version, roots)),
    relationships: [
      ...roots.map((ref) => relationship("SPDXRef-DOCUMENT", "DESCRIBES", ids.get(ref)!)),
      ...components.flatMap((component) => edgesOf(component, ids)),
    ],
    hasExtractedLicensingInfos: extracted(components),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const relationship = (from: string, relationshipType: string, to: string) => ({
  spdxElementId: from,
  relationshipType,
  relatedSpdxElement: to,
});

function edgesOf({ ref, references, buildInputs, sources, patches }: Component, ids: ReadonlyMap<string, string>) {
  const own = ids.get(ref)!;
  return [
    ...references.map((other) => relationship(own, "DEPENDS_ON", ids.get(other)!)),
    ...buildInputs.map((other) => relationship(ids.get(other)!, "BUILD_DEPENDENCY_OF", own)),
    ...sources.map((other) => relationship(own, "GENERATED_FROM", ids.get(other)!)),
    ...patches.map((other) => relationship(ids.get(other)!, "PATCH_APPLIED", own)),
  ];
}

/** Ids may hold letters, digits, dots and dashes only. */
function idsOf(components: readonly Component[]): Map<string, string> {
  const ids = new Map<string, string>();
  const taken = new Set<string>();
  for (const { ref } of components) {
    let id = `SPDXRef-${baseName(ref).replace(/[^A-Za-z0-9.-]/g, "-")}`;
    while (taken.has(id)) id += "-";
    taken.add(id);
    ids.set(ref, id);
  }
  return ids;
}

function asPackage(
  component: Component,
  ids: ReadonlyMap<string, string>,
  version: SpdxVersion,
  roots: readonly string[],
) {
  const { ref, name, download, meta } = component;
  const hash = download?.hash && download.hashIsOfFile ? download.hash : component.narHash;
  const cpes = meta?.cpe ? [meta.cpe] : [];
  return {
    name,
    SPDXID: ids.get(ref)!,
    versionInfo: component.version ?? undefined,
    downloadLocation: locationOf(component),
    filesAnalyzed: false,
    checksums: hash ? [{ algorithm: hash.algorithm.toUpperCase(), checksumValue: hash.hex }] : undefined,
    homepage: meta?.homepage ? asUri(meta.homepage) : undefined,
    summary: meta?.description ?? undefined,
    sourceInfo: `Nix store object ${ref}${component.derivation ? `, made by ${component.derivation}` : ""}`,
    licenseConcluded: none,
    licenseDeclared: declared(component),
    copyrightText: none,
    externalRefs: [
      {
        referenceCategory: version === "2.2" ? "PACKAGE_MANAGER" : "PACKAGE-MANAGER",
        referenceType: "purl",
        referenceLocator: component.purl,
      },
      ...cpes.map((cpe) => ({ referenceCategory: "SECURITY", referenceType: "cpe23Type", referenceLocator: cpe })),
    ],
    // Since 2.3.
    primaryPackagePurpose: version === "2.2" ? undefined : purposeOf(component, roots),
  };
}

function purposeOf({ ref, download, isFile }: Component, roots: readonly string[]): string {
  if (roots.includes(ref)) return "APPLICATION";
  return download ? "SOURCE" : isFile ? "FILE" : "LIBRARY";
}

function locationOf({ download }: Component): string {
  const url = download?.urls
    .map(asUri)
    .find((each) => each !== undefined && /^(https?|ftp|git\+https?|git):/.test(each));
  if (!download || url === undefined) return none;
  return download.revision && !url.includes(download.revision) && !url.startsWith("git+")
    ? `git+${url}@${download.revision}`
    : url;
}

const ofOwn = (name: string): string =>
  `LicenseRef-${name.replace(/[^A-Za-z0-9.-]+/g, "-").replace(/^-+|-+$/g, "") || "other"}`;

/** nixpkgs does not say whether several licences all apply; to comply with all of them is safe either way. */
function declared({ meta }: Component): string {
  const terms = [...new Set((meta?.licences ?? []).map((licence) => listedId(licence) ?? ofOwn(licence.name)))];
  return terms.length === 0 ? none : terms.join(" AND ");
}

/** Licences that are not on the SPDX list; their text is not known here. */
function extracted(components: readonly Component[]) {
  const names = new Map<string, string>();
  for (const licence of components.flatMap(({ meta }) => meta?.licences ?? []))
    if (listedId(licence) === null) names.set(ofOwn(licence.name), licence.name);
  if (names.size === 0) return undefined;
  return [...names]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([licenseId, name]) => ({ licenseId, name, extractedText: name }));
}
