/** Lists of components as predicates, and whether they are about the artifact that they are attested with. */
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
  const { hashes } = object(object(metadata).component);
  return {
    predicateType: "https://cyclonedx.org/bom",
    format: `CycloneDX ${version}`,
    described: list(hashes).map(({ alg, content }) => digest(alg, content)),
  };
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

/**
 * Whether the SBOM is about one of the subjects: undefined where it states no digest that could be compared.
 */
export function describes({ described }: Sbom, subjects: readonly Subject[]): boolean | undefined {
  const ours = new Set(subjects.flatMap(({ digest }) => Object.entries(digest).map((entry) => entry.join(":"))));
  const algorithms = new Set(subjects.flatMap(({ digest }) => Object.keys(digest)));
  const comparable = described.filter((each) => algorithms.has(each.split(":")[0]!));
  return comparable.length === 0 ? undefined : comparable.some((each) => ours.has(each));
}
