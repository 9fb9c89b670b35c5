import { randomBytes } from "node:crypto";
import { armor, Encrypter, generateHybridIdentity, generateX25519Identity, identityToRecipient } from "age-encryption";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseIdentities } from "./identities.ts";

const fileFor = async (content: Uint8Array, ...recipients: string[]): Promise<string> => {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return armor.encode(await encrypter.encrypt(content));
};

describe("files that the library of age's author encrypts", () => {
  test.each([
    ["x25519", generateX25519Identity],
    ["post-quantum", generateHybridIdentity],
  ])("%s keys open, whatever the size up to one chunk", async (_, generate) => {
    const [identity, other] = [await generate(), await generate()];
    const recipient = await identityToRecipient(identity);
    const [key] = await parseIdentities(`# a comment\n${identity}\n`);
    const [wrong] = await parseIdentities(other);
    expect(key?.recipient).toBe(recipient);
    for (const size of [0, 1, 32, 33, 64 * 1024]) {
      const content = randomBytes(size);
      const file = await fileFor(content, await identityToRecipient(other), recipient);
      expect(await key?.open(file)).toEqual(content);
      expect(await wrong?.open(await fileFor(content, recipient))).toBeUndefined();
    }
  });

  test("more than a chunk is refused", async () => {
    const identity = await generateX25519Identity();
    const [key] = await parseIdentities(identity);
    await expect(
      key?.open(await fileFor(randomBytes(64 * 1024 + 1), await identityToRecipient(identity))),
    ).rejects.toThrow("more than 64 KiB");
  });

  test("no changed byte goes unnoticed", async () => {
    const identity = await generateX25519Identity();
    const [key] = await parseIdentities(identity);
    const content = randomBytes(32);
    const file = await fileFor(content, await identityToRecipient(identity));
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.constantFrom(..."Aa0+/=\n -"), async (at, character) => {
        const changed = file.slice(0, at) + character + file.slice(at + 1);
        const opened = await key?.open(changed);
        // Space around the armor is none of the file.
        if (changed.trim() !== file.trim()) expect(opened, changed).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  test("bits of the armor that stand for nothing must be 0", async () => {
    const identity = await generateX25519Identity();
    const [key] = await parseIdentities(identity);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padded = 0;
    for (const size of [32, 33, 34]) {
      const file = await fileFor(randomBytes(size), await identityToRecipient(identity));
      const changed = file.replace(/(.)(?==+\n-----END)/, (last) => alphabet[alphabet.indexOf(last) + 1] ?? last);
      if (changed === file) continue;
      padded++;
      expect(await key?.open(changed), changed).toBeUndefined();
    }
    expect(padded).toBe(2);
  });

  test("a passphrase opens an identity file, and too much work is refused", async () => {
    const identity = await generateX25519Identity();
    const protect = async (factor: number): Promise<string> => {
      const encrypter = new Encrypter();
      encrypter.setPassphrase("open sesame");
      encrypter.setScryptWorkFactor(factor);
      return armor.encode(await encrypter.encrypt(`# created\n${identity}\n`));
    };
    const file = await protect(10);
    const opened: string[] = [];
    await parseIdentities(file, "open sesame", (text) => opened.push(text));
    expect(opened).toEqual([`# created\n${identity}\n`]);
    expect((await parseIdentities(file, "open sesame")).map(({ recipient }) => recipient)).toEqual([
      await identityToRecipient(identity),
    ]);
    await expect(parseIdentities(file, "wrong")).rejects.toThrow("The passphrase does not open");
    await expect(parseIdentities(file)).rejects.toThrow("no passphrase was given");
    const costly = Buffer.from(armor.decode(file))
      .toString("latin1")
      .replace(/(scrypt \S+) 10/, "$1 30");
    await expect(parseIdentities(armor.encode(Buffer.from(costly, "latin1")), "x")).rejects.toThrow(
      "more work than 2^20",
    );
  });
});

test.each([
  ["", "is empty"],
  ["# only a comment\n", "is empty"],
  ["age1qqqq", "is a recipient"],
  ["AGE-PLUGIN-YUBIKEY-1XXX", "belongs to a plugin"],
  ["AGE-SECRET-KEY-1QQQQ", "is neither an age identity"],
  ["hunter2", "is neither an age identity"],
  ["-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", "no private key: CERTIFICATE"],
  ["-----BEGIN OPENSSH PRIVATE KEY-----\nxxxx\n-----END OPENSSH PRIVATE KEY-----", "cannot be read"],
])("%j is refused, and not repeated", async (text, message) => {
  const error = await parseIdentities(text).catch((error: Error) => error);
  expect(String(error)).toContain(message);
  if (/SECRET|hunter/.test(text)) expect(String(error)).not.toContain(text);
});
