/** Certificates that could be read in two ways: bytes changed in a real one, whose signature nobody looks at here. */
import { startBackend, startSigstore } from "@goatnote/rehearsal";
import { expect, test } from "vitest";
import { readIdentity } from "../../packages/attestation/src/certificate.ts";
import { newKey, spki } from "../../packages/attestation/src/forge.ts";

const claims = {
  iss: "https://issuer.example",
  job_workflow_ref: "octo/app/.github/workflows/release.yml@refs/tags/v1",
  repository: "octo/app",
  event_name: "push",
};

async function certificate(): Promise<Buffer> {
  await using backend = await startBackend({ repository: "octo/app" });
  const sigstore = await startSigstore(backend);
  return sigstore.certify(claims, spki(newKey().publicKey));
}

/** The identity in a certificate where these bytes stand in place of those, once or everywhere. */
async function changed(from: Buffer, to: Buffer, everywhere = false) {
  const der = await certificate();
  expect(to.length).toBe(from.length);
  let at = der.indexOf(from);
  expect(at).toBeGreaterThan(0);
  do {
    to.copy(der, at);
    at = der.indexOf(from, at + 1);
  } while (everywhere && at >= 0);
  return readIdentity(der);
}

const arc = (last: number): Buffer => Buffer.from([0x06, 0x0a, 0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1, last]);

test("as it was issued, it is read", async () => {
  const der = await certificate();
  expect(readIdentity(der)).toMatchObject({
    issuer: "https://issuer.example",
    signer: expect.stringMatching(/\/octo\/app\/\.github\/workflows\/release\.yml@refs\/tags\/v1$/),
    trigger: "push",
  });
});

test.each([
  [
    "is for servers",
    Buffer.from("06082b06010505070303", "hex"),
    Buffer.from("06082b06010505070301", "hex"),
    "is not for signing code",
  ],
  ["says the event twice", arc(21), arc(20), "has the extension 1.3.6.1.4.1.57264.1.20 twice"],
  [
    "has a name that looks like the wanted one without its eighth bits",
    Buffer.from("release.yml"),
    Buffer.from([...Buffer.from("release.yml")].map((byte) => byte | 0x80)),
    "ASCII|two different signers|no text",
  ],
  [
    "names another signer in its extension",
    Buffer.from("octo/app/.github/workflows/release.yml@refs/tags/v1"),
    Buffer.from("evil/app/.github/workflows/release.yml@refs/tags/v1"),
    "names two different signers",
  ],
  [
    "has an extension that is no UTF-8",
    Buffer.from("0c0470757368", "hex"),
    Buffer.from("0c04ff757368", "hex"),
    "has an extension that is no text",
  ],
  [
    "has an extension of another kind",
    Buffer.from("0c0470757368", "hex"),
    Buffer.from("040470757368", "hex"),
    "has an extension that is no text",
  ],
])("one that %s is refused", async (_, from, to, message) => {
  await expect(changed(from, to)).rejects.toThrow(new RegExp(message));
});
