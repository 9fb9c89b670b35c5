/** Who saw it: the log and the timestamp. */
import { forge } from "../../../packages/attestation/src/forge.ts";
import {
  type Cases,
  changed,
  claims,
  foreign,
  logEntry,
  logOnly,
  type Mutable,
  other,
  otherLogged,
  payloadOf,
  signed,
  sigstore,
  timestamps,
  turned,
} from "./kit.ts";

export const witnessCases: Record<string, Cases> = {
  "the log": {
    "no entry": [
      "tlog entries",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.tlogEntries = [];
        }),
      }),
    ],
    "the entry of another bundle": [
      "signature",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.tlogEntries = structuredClone(
            (other as unknown as Mutable).verificationMaterial.tlogEntries,
          );
        }),
      }),
    ],
    "the entry twice": [
      "duplicate",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.tlogEntries.push(structuredClone(b.verificationMaterial.tlogEntries[0]!));
        }),
      }),
    ],
    "a byte of the entry turned": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.canonicalizedBody = turned(e.canonicalizedBody);
        }),
      }),
    ],
    "an entry that is no JSON": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.canonicalizedBody = Buffer.from("{").toString("base64");
        }),
      }),
    ],
    "an entry of another kind": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.kindVersion.kind = "hashedrekord";
        }),
      }),
    ],
    "a promise with a byte turned": [
      "inclusion promise",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionPromise!.signedEntryTimestamp = turned(e.inclusionPromise!.signedEntryTimestamp);
        }),
      }),
    ],
    "a promise cut off, and no other time": [
      "timestamps",
      () => ({
        bundle: logOnly((e) => {
          delete e.inclusionPromise;
        }),
      }),
    ],
    "neither promise nor proof": [
      "no attestation is about",
      () => ({
        bundle: logEntry((e) => {
          delete e.inclusionPromise;
          delete e.inclusionProof;
        }),
      }),
    ],
    "another time": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.integratedTime = String(Number(e.integratedTime) - 60);
        }),
      }),
    ],
    "another place": [
      "inclusion promise",
      () => ({
        bundle: logEntry((e) => {
          e.logIndex = "7";
        }),
      }),
    ],
    "another log's name": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.logId.keyId = turned(e.logId.keyId);
        }),
      }),
    ],
    "another root in the proof": [
      "another tree",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.rootHash = turned(e.inclusionProof!.rootHash);
        }),
      }),
    ],
    "no root in the proof": [
      "another tree|cannot be read",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.rootHash = "";
        }),
      }),
    ],
    "another root in the checkpoint": [
      "checkpoint",
      () => ({
        bundle: logEntry((e) => {
          const { checkpoint } = e.inclusionProof!;
          checkpoint.envelope = checkpoint.envelope.replace(/(?<=^.*\n.*\n)./, (first) => (first === "X" ? "Y" : "X"));
        }),
      }),
    ],
    "the path of the proof reordered": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.hashes.reverse();
        }),
      }),
    ],
    "the path of the proof cut short": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.hashes.pop();
        }),
      }),
    ],
    "another size of the tree in the proof": [
      "another tree",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.treeSize = String(Number(e.inclusionProof!.treeSize) + 5);
        }),
      }),
    ],
    "another size of the tree": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.treeSize = String(Number(e.inclusionProof!.treeSize) + 5);
          e.inclusionProof!.checkpoint.envelope = e.inclusionProof!.checkpoint.envelope.replace(/\n\d+\n/, "\n999\n");
        }),
      }),
    ],
    "another place in the proof": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.logIndex = String(Number(e.inclusionProof!.logIndex ?? 0) + 1);
        }),
      }),
    ],
    "a checkpoint with a byte turned": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          const p = e.inclusionProof!;
          p.checkpoint.envelope = p.checkpoint.envelope.replace(/(\S{10})\n$/, (all) =>
            all.split("").reverse().join("").trim().concat("\n"),
          );
        }),
      }),
    ],
    "a checkpoint without a signature": [
      "signature",
      () => ({
        bundle: logEntry((e) => {
          e.inclusionProof!.checkpoint.envelope = e
            .inclusionProof!.checkpoint.envelope.split("\n\n")[0]!
            .concat("\n\n");
        }),
      }),
    ],
    "a log that nobody knows": [
      "signature",
      async () => ({
        bundle: await forge({ ...sigstore, rekorUrl: foreign.rekorUrl }, { claims, payload: payloadOf() }),
      }),
    ],
    "an entry about another certificate of the same key": [
      "another certificate",
      async () => ({ bundle: await otherLogged() }),
    ],
  },
  "the timestamp": {
    "a byte turned": [
      "signature",
      () => ({
        bundle: timestamps((stamps) => {
          stamps[0]!.signedTimestamp = turned(stamps[0]!.signedTimestamp);
        }),
      }),
    ],
    "of another signature": [
      "timestamp",
      () => ({
        bundle: changed((b) => {
          b.verificationMaterial.timestampVerificationData = structuredClone(
            (other as unknown as Mutable).verificationMaterial.timestampVerificationData,
          );
        }),
      }),
    ],
    twice: ["duplicate", () => ({ bundle: timestamps((stamps) => stamps.push(stamps[0]!)) })],
    "bytes that are none": [
      "signature",
      () => ({
        bundle: timestamps((stamps) => {
          stamps[0]!.signedTimestamp = Buffer.from("noon").toString("base64");
        }),
      }),
    ],
    "of an authority that nobody knows": [
      "timestamp",
      async () => ({ bundle: await forge({ ...sigstore, tsaUrl: foreign.tsaUrl }, { claims, payload: payloadOf() }) }),
    ],
    "alone, where a log is wanted": ["tlog entries", async () => ({ bundle: await signed({ witnesses: ["tsa"] }) })],
    "none, and no log": ["no attestation|timestamps", async () => ({ bundle: await signed({ witnesses: [] }) })],
  },
};
