/** Archives to try writing with: bundles that say what they are about, and nothing else. */
import type { ArchiveOptions, Attested } from "./archive.ts";
import { encodeStatement } from "./statement.ts";

export const sampleOptions: Omit<ArchiveOptions, "folder"> = {
  kind: "provenance",
  predicateType: "t",
  perSubject: true,
  signer: "s",
  issuer: "i",
  sourceRepository: "https://github.com/octo/app",
  hasLog: true,
  hasTimestamp: true,
};

/** A bundle about one artifact. */
export function attestedSample(name: string, predicate: unknown = {}): Attested {
  const subjects = [{ name, digest: { sha256: "00" } }];
  const payload = encodeStatement(subjects, "t", predicate).toString("base64");
  return { subjects, bundle: { dsseEnvelope: { payload } } as never };
}
