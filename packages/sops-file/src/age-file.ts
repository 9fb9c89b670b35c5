/**
 * Small files of age, as SOPS holds its data keys in: https://github.com/C2SP/C2SP/blob/main/age.md
 * Read here, on Node's own functions, as loading the library takes more time than all the rest; the library opens what these
 * do not know (post-quantum keys).
 */
import { createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { SopsError } from "./errors.ts";
import { derive } from "./x25519.ts";

/** The file key, wrapped for one recipient. */
export interface Stanza {
  args: string[];
  body: Buffer;
}

/** Opens one of the stanzas; undefined when none is for this key. */
export type Unwrap = (stanzas: readonly Stanza[]) => Buffer | undefined | Promise<Buffer | undefined>;

const begin = "-----BEGIN AGE ENCRYPTED FILE-----";
const end = "-----END AGE ENCRYPTED FILE-----";

/** The bytes of an armored file; undefined when it is none. */
function dearmor(text: string): Buffer | undefined {
  const lines = text.trim().split(/\r?\n/);
  const body = lines.slice(1, -1);
  const wrong = body.some((line, i) => (i < body.length - 1 ? line.length !== 64 : line.length > 64 || line === ""));
  if (lines[0] !== begin || lines.at(-1) !== end || wrong) return undefined;
  const bytes = Buffer.from(body.join(""), "base64");
  return bytes.toString("base64") === body.join("") ? bytes : undefined;
}

/** Unpadded base64, in the only form that age allows; undefined for anything else. */
export function decode(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64").replace(/=+$/, "") === text ? bytes : undefined;
}

/** What precedes the payload, and where the payload starts. */
interface Header {
  stanzas: Stanza[];
  signed: Buffer;
  mac: Buffer;
  payload: Buffer;
}

// Each costs an attempt to open it.
const mostStanzas = 1000;

function readHeader(file: Buffer): Header | undefined {
  let at = 0;
  const line = (): string | undefined => {
    const newline = file.indexOf(10, at);
    if (newline === -1) return undefined;
    const text = file.toString("latin1", at, newline);
    at = newline + 1;
    return text;
  };
  if (line() !== "age-encryption.org/v1") return undefined;
  const stanzas: Stanza[] = [];
  for (;;) {
    const start = at;
    const text = line();
    if (text?.startsWith("--- ")) {
      const mac = decode(text.slice(4));
      return mac && { stanzas, signed: file.subarray(0, start + 3), mac, payload: file.subarray(at) };
    }
    if (!text?.startsWith("-> ") || stanzas.length >= mostStanzas) return undefined;
    let encoded = "";
    for (let part = line(); ; part = line()) {
      if (part === undefined || part.length > 64) return undefined;
      encoded += part;
      if (part.length < 64) break;
    }
    const body = decode(encoded);
    if (body === undefined) return undefined;
    stanzas.push({ args: text.slice(3).split(" "), body });
  }
}

/** ChaCha20-Poly1305; undefined when it does not authenticate. */
function open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < 16) return undefined;
  const cipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAuthTag(sealed.subarray(-16));
  const plain = cipher.update(sealed.subarray(0, -16));
  try {
    cipher.final();
  } catch {
    return undefined;
  }
  return plain;
}

/** A file key under a wrapping key. */
export const openFileKey = (key: Uint8Array, body: Uint8Array): Buffer | undefined =>
  body.length === 32 ? open(key, Buffer.alloc(12), body) : undefined;

const nothing = Buffer.alloc(0);
const chunk = 64 * 1024;

/**
 * The content of an armored file, if the key opens it.
 * @throws SopsError for one of more than 64 KiB, which no key is
 */
export async function openAgeFile(text: string, unwrap: Unwrap): Promise<Buffer | undefined> {
  const file = dearmor(text);
  const header = file && readHeader(file);
  const fileKey = header && (await unwrap(header.stanzas));
  if (!header || fileKey?.length !== 16) return undefined;
  const mac = createHmac("sha256", derive(fileKey, nothing, "header"))
    .update(header.signed)
    .digest();
  if (mac.length !== header.mac.length || !timingSafeEqual(mac, header.mac)) return undefined;
  const { payload } = header;
  if (payload.length > 16 + chunk + 16)
    throw new SopsError("too-large", "A file of age with a key has more than 64 KiB, which is refused.");
  const key = derive(fileKey, payload.subarray(0, 16), "payload");
  // Counter 0, and the mark of the last chunk.
  const nonce = Buffer.alloc(12);
  nonce[11] = 1;
  return open(key, nonce, payload.subarray(16));
}
