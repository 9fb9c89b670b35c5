/** What was learnt so far as a file, so that a selection reads only what came after it. Made anew at will, never needed. */
import { createHash } from "node:crypto";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { MAX_SEGMENT_BYTES } from "@goatnote/ci-history";
import { featureNames } from "./features.ts";
import { Learner } from "./past.ts";

/** Changes with everything that changes what a history teaches: `stored-past.test.ts` fails where it did not. */
const stateVersion = 9;

// Unpacked: what 100,000 tests and 600 runs teach has about 60 MB.
const mostBytes = 512 * 1024 * 1024;

const digest = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** Where a store keeps a state: `v1/state/<key>.json.zst`. */
export const statePath = (key: string): string => `v1/state/${key}.json.zst`;

/**
 * The keys of the states after each run. A key stands for the version, the model and every segment that was read, in
 * order; so a state is found by what it was made from, and a history that differs anywhere has other keys.
 * @param runs paths of the segments of each run, oldest first
 * @param model the file of the model that scores; null without one
 */
export function stateKeys(runs: readonly (readonly string[])[], model: string | null): string[] {
  const hash = createHash("sha256").update(JSON.stringify([stateVersion, featureNames, model]));
  return runs.map((paths) => {
    for (const path of paths) hash.update(`\n${path}`);
    return hash.copy().digest("hex");
  });
}

/** The bytes of a state; null where it is larger than a store or its reader takes. */
export function encodeState(learner: Learner, key: string): Buffer | null {
  let content: string;
  try {
    content = JSON.stringify(learner.state);
  } catch {
    return null; // longer than a string can be
  }
  if (content.length > mostBytes / 3) return null; // a character has three bytes at most
  const bytes = zstdCompressSync(`${key} ${digest(content)}\n${content}`);
  return bytes.length > MAX_SEGMENT_BYTES ? null : bytes;
}

/**
 * Reads a state.
 * @throws Error when it is damaged, or was made from something else than its name says
 */
export function decodeState(bytes: Uint8Array, key: string): Learner {
  const text = zstdDecompressSync(bytes, { maxOutputLength: mostBytes }).toString();
  const end = text.indexOf("\n");
  const content = text.slice(end + 1);
  if (text.slice(0, end) !== `${key} ${digest(content)}`) throw new Error("its checksum does not fit its content");
  return Learner.from(JSON.parse(content));
}
