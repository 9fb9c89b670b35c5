/** A verification summary: what was verified, by which policy, to which level. https://slsa.dev/spec/v1.2/verification_summary */
import type { Verdict } from "./verify.ts";

export const VSA_TYPE = "https://slsa.dev/verification_summary/v1";

export interface VsaOptions {
  /** Who verified: the workflow, as a URI. */
  verifier: string;
  now: Date;
  /** What the artifacts belong to, as a URI. */
  resourceUri: string;
  /** The policy's file and its SHA-256 in hex, where it was one. */
  policy?: { uri: string; sha256: string };
}

/**
 * The lowest SLSA Build level among the artifacts, each with the highest that a verdict gives it: an SBOM beside provenance has
 * none and takes none away. 0 where an artifact has no provenance.
 */
export function lowestLevel(verdicts: readonly Verdict[]): number {
  const levels = new Map<string, number>();
  for (const { artifact, level } of verdicts) {
    const { sha256 = JSON.stringify(artifact.digest) } = artifact.digest;
    levels.set(sha256, Math.max(level, levels.get(sha256) ?? 0));
  }
  return levels.size === 0 ? 0 : Math.min(...levels.values());
}

/**
 * What the artifacts belong to, as a URI: the repository they were built from. Undefined where they are from several, or it is not
 * known: one summary is about one resource.
 */
export function resourceOf(verdicts: readonly Verdict[]): string | undefined {
  const [repository, ...more] = new Set(verdicts.map(({ judgements }) => judgements[0]?.identity?.sourceRepository));
  return repository === undefined || more.length > 0 ? undefined : `git+${repository}`;
}

/** The predicate for artifacts that are all verified; sign it as `predicate: custom`. */
export function verificationSummary(verdicts: readonly Verdict[], options: VsaOptions): object {
  const { verifier, now, resourceUri, policy } = options;
  const level = lowestLevel(verdicts);
  const attestations = new Map(
    verdicts.flatMap(({ judgements }) => judgements.map((each) => [each.sha256, each.source])),
  );
  return {
    verifier: { id: verifier },
    timeVerified: now.toISOString().replace(/\.\d+Z$/, "Z"),
    resourceUri,
    policy: policy ? { uri: policy.uri, digest: { sha256: policy.sha256 } } : { uri: verifier },
    inputAttestations: [...attestations].map(([sha256, uri]) => ({ uri, digest: { sha256 } })),
    verificationResult: verdicts.every(({ verified }) => verified) ? "PASSED" : "FAILED",
    verifiedLevels: level > 0 ? [`SLSA_BUILD_LEVEL_${level}`] : [],
    slsaVersion: "1.2",
  };
}
