/** The keys and certificates that a bundle may rest on. */
import { UserError } from "@goatnote/action-io";
import type { X509Certificate } from "@sigstore/core";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { type TrustMaterial, toTrustMaterial } from "@sigstore/verify";
import { publicGoodRoot } from "./public-good-root.ts";

/** One Sigstore instance: what it vouches with, and what a bundle of it must therefore show. */
export interface Root {
  /** In words, for messages. */
  name: string;
  material: TrustMaterial;
  /** Signed certificate timestamps that a certificate needs: one where the instance has such a log. */
  ctlogThreshold: 0 | 1;
  /** Entries in a transparency log that a bundle needs: one where the instance has such a log. */
  tlogThreshold: 0 | 1;
}

/** The public-good instance, as far as this version knows it. */
export const publicRoot = (): Root => rootOf(publicGoodRoot, "the public Sigstore's trusted root");

/** The trusted root that this version carries, as the text of a file. */
export const publicRootText = (): string => `${JSON.stringify(publicGoodRoot, null, 2)}\n`;

/**
 * Reads a trusted root: one JSON document, or one per line, as `gh attestation trusted-root` prints them.
 * @param text the file's content
 * @param name the file's name, for messages
 * @throws UserError when it is none, or names no certificate authority
 */
export function readTrustedRoots(text: string, name: string): Root[] {
  const documents = parsed(text, name);
  return documents.map((document, index) =>
    rootOf(document, documents.length === 1 ? name : `${name}, line ${index + 1}`),
  );
}

function parsed(text: string, name: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    try {
      if (lines.length > 0) return lines.map((line) => JSON.parse(line) as unknown);
    } catch {
      // Said below.
    }
    throw new UserError(`${name} is no trusted root: it is neither JSON nor JSON lines.`);
  }
}

function rootOf(document: unknown, name: string): Root {
  let material: TrustMaterial;
  try {
    material = toTrustMaterial(TrustedRoot.fromJSON(document));
    for (const { certChain } of [...material.certificateAuthorities, ...material.timestampAuthorities])
      certChain.forEach(encodeOnce);
  } catch (cause) {
    throw new UserError(`${name} is no trusted root that can be read.`, { cause });
  }
  const { certificateAuthorities, timestampAuthorities, tlogs, ctlogs } = material;
  if (certificateAuthorities.length === 0)
    throw new UserError(`${name} is no trusted root: it names no certificate authority.`);
  if (timestampAuthorities.length === 0 && tlogs.length === 0)
    throw new UserError(
      `${name} cannot be used: it names no log and no timestamp authority, so no time can be checked.`,
    );
  return { name, material, ctlogThreshold: ctlogs.length > 0 ? 1 : 0, tlogThreshold: tlogs.length > 0 ? 1 : 0 };
}

/**
 * Sigstore's library compares certificates by their DER, which it writes anew each time: for those of the authorities, which stay
 * the same over all bundles, that would be a fifth of the time that verifying takes.
 */
function encodeOnce({ root, tbsCertificate }: X509Certificate): void {
  for (const part of [root, tbsCertificate]) {
    const encode = part.toDER.bind(part);
    let der: Buffer | undefined;
    part.toDER = () => {
      der ??= encode();
      return der;
    };
  }
}
