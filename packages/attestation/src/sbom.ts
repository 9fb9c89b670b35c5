/** Lists of components as predicates, and whether they are about the artifacts that they are attested with. */
import { UserError } from "@goatnote/action-io";
import type { Subject } from "./statement.ts";

export interface Sbom {
  predicateType: string;
  /** In words. */
  format: string;
  /** Digests that it states of what it describes, as `sha256:<hex>`; [] where it states none. */
  described: string[];
}

type Json = Record<string, unknown>;

const object = (value: unknown): Json =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Json) : {};
const list = (value: unknown): Json[] => (Array.isArray(value) ? value.map(object) : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/**
 * Recognises CycloneDX, SPDX 2 and SPDX 3 in JSON.
 * @throws UserError for anything else
 */
export function readSbom(document: unknown, file: string): Sbom {
  const json = object(document);
  const { bomFormat, specVersion, spdxVersion } = json;
  if (bomFormat === "CycloneDX" && text(specVersion) !== "") return cyclonedx(json, text(specVersion));
  if (/^SPDX-2\.\d+$/.test(text(spdxVersion)) && text(json.SPDXID) !== "") return spdx2(json, text(spdxVersion));
  const graph = list(json["@graph"]);
  if (graph.length > 0 && JSON.stringify(json["@context"] ?? "").includes("spdx.org/rdf/3.")) return spdx3(graph);
  throw new UserError(
    `${file} is no SBOM that is known here: CycloneDX needs \`bomFormat\` and \`specVersion\`, SPDX 2 \`spdxVersion\` and \`SPDXID\`, SPDX 3 \`@context\` and \`@graph\`, all in JSON.`,
  );
}

/** `SHA-256` and `SHA256` as `sha256`. */
const digest = (algorithm: unknown, hex: unknown): string =>
  `${text(algorithm).toLowerCase().replaceAll("-", "")}:${text(hex).toLowerCase()}`;

/** https://cyclonedx.org/specification/overview/ */
function cyclonedx({ metadata }: Json, version: string): Sbom {
  return {
    predicateType: "https://cyclonedx.org/bom",
    format: `CycloneDX ${version}`,
    described: hashesOf(object(object(metadata).component)),
  };
}

/** Of a component, and of those that it consists of. */
function hashesOf({ hashes, components }: Json): string[] {
  return [...list(hashes).map(({ alg, content }) => digest(alg, content)), ...list(components).flatMap(hashesOf)];
}

/** https://spdx.github.io/spdx-spec/v2.3/ */
function spdx2({ SPDXID, documentDescribes, relationships, packages, files }: Json, version: string): Sbom {
  const named = list(relationships)
    .filter(({ relationshipType, spdxElementId }) => relationshipType === "DESCRIBES" && spdxElementId === SPDXID)
    .map(({ relatedSpdxElement }) => relatedSpdxElement);
  const described = new Set([...named, ...(Array.isArray(documentDescribes) ? (documentDescribes as unknown[]) : [])]);
  const elements = [...list(packages), ...list(files)].filter(({ SPDXID: id }) => described.has(id));
  return {
    predicateType: `https://spdx.dev/Document/v${version.replace("SPDX-", "")}`,
    format: version.replace("-", " "),
    described: elements.flatMap(({ checksums }) =>
      list(checksums).map(({ algorithm, checksumValue }) => digest(algorithm, checksumValue)),
    ),
  };
}

/** https://spdx.github.io/spdx-spec/v3.0.1/ */
function spdx3(graph: Json[]): Sbom {
  const info = graph.find(({ type }) => type === "CreationInfo");
  const version = text(info?.specVersion) || "3.0.1";
  const roots = new Set(
    graph
      .filter(({ type }) => type === "SpdxDocument" || text(type).endsWith("Sbom"))
      .flatMap(({ rootElement }) => (Array.isArray(rootElement) ? (rootElement as unknown[]) : [])),
  );
  const elements = graph.filter((each) => roots.has(each.spdxId ?? each["@id"]));
  return {
    predicateType: `https://spdx.dev/Document/v${version}`,
    format: `SPDX ${version}`,
    described: elements.flatMap(({ verifiedUsing }) =>
      list(verifiedUsing).map(({ algorithm, hashValue }) => digest(algorithm, hashValue)),
    ),
  };
}

/** Algorithms of digests in SBOMs, by their names without hyphens, as Node calls them. */
const algorithms: Record<string, string> = {
  sha512: "sha512",
  sha384: "sha384",
  sha256: "sha256",
  sha3512: "sha3-512",
  sha3384: "sha3-384",
  sha3256: "sha3-256",
  sha1: "sha1",
  md5: "md5",
};

// Another file can be made that has the same one.
const broken = new Set(["sha1", "md5"]);

/**
 * The subjects that the SBOM does not describe, by the digests that it states; SHA-1 and MD5 count only where it states no other
 * anywhere. Undefined where it states none that is known here.
 * @param digestOf a subject's digest by another algorithm than it is known by (Node's name), in hex; undefined where it is no file here
 */
export async function notDescribed(
  { described }: Sbom,
  subjects: readonly Subject[],
  digestOf: (subject: Subject, algorithm: string) => Promise<string | undefined>,
): Promise<Subject[] | undefined> {
  const stated = new Map<string, Set<string>>();
  for (const [name = "", hex = ""] of described.map((each) => each.split(":")))
    if (Object.hasOwn(algorithms, name)) stated.set(name, (stated.get(name) ?? new Set()).add(hex));
  if (stated.size === 0) return undefined;
  if ([...stated.keys()].some((name) => !broken.has(name))) for (const name of broken) stated.delete(name);
  const isDescribed = async (subject: Subject): Promise<boolean> => {
    for (const [name, hexes] of stated) {
      const hex = subject.digest[name] ?? (await digestOf(subject, algorithms[name]!));
      if (hex !== undefined && hexes.has(hex)) return true;
    }
    return false;
  };
  const missing: Subject[] = [];
  for (const subject of subjects) if (!(await isDescribed(subject))) missing.push(subject);
  return missing;
}
