/** One encrypted value: https://github.com/getsops/sops/blob/v3.13.2/aes/cipher.go */
import { isUtf8 } from "node:buffer";
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { SopsError } from "./errors.ts";
import { formatFloat, normaliseTime, parseBool, parseFloat64, parseInt64 } from "./go-values.ts";
import { quoted } from "./shown.ts";
import type { Comment, Scalar } from "./tree.ts";

/** The start of every encrypted value. */
export const encryptedPrefix = "ENC[AES256_GCM,";

const separators = [`${encryptedPrefix}data:`, ",iv:", ",tag:", ",type:"] as const;

/**
 * The four fields of `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`, none of them empty; undefined for a text of another form.
 * What follows the last bracket is left out, as in SOPS. Values have megabytes, which a regular expression that repeats a
 * group does not get through: its stack ends.
 */
function fieldsOf(text: string): [data: string, iv: string, tag: string, type: string] | undefined {
  const [start, iv, tag, type] = separators;
  if (!text.startsWith(start)) return undefined;
  const data = start.length;
  const atIv = text.indexOf(iv, data + 1);
  const atTag = atIv < 0 ? -1 : text.indexOf(tag, atIv + iv.length + 1);
  const atType = atTag < 0 ? -1 : text.indexOf(type, atTag + tag.length + 1);
  const end = text.lastIndexOf("]");
  if (atType < 0 || end <= atType + type.length) return undefined;
  return [
    text.slice(data, atIv),
    text.slice(atIv + iv.length, atTag),
    text.slice(atTag + tag.length, atType),
    text.slice(atType + type.length, end),
  ];
}

/** Whether a text is whole base64 with its padding; Node would skip what is not. */
function isBase64(text: string): boolean {
  const end = text.search(/[^A-Za-z0-9+/]/);
  return text.length % 4 === 0 && (end < 0 || ["=", "=="].includes(text.slice(end)));
}

/** Whether a text has the form of an encrypted value; nothing is said about the key. */
export const looksEncrypted = (text: string): boolean => fieldsOf(text) !== undefined;

/** A data key of 32 bytes. As a key object, because Node otherwise sets the cipher up anew for each value. */
export const dataKey = (bytes: Uint8Array): KeyObject => createSecretKey(bytes);

/** A decrypted value, and the bytes that it adds to the MAC. */
export interface Decrypted {
  value: Scalar | Comment;
  hashed: Buffer;
}

const nothing = Buffer.alloc(0);

/**
 * Decrypts one value.
 * @param where the additional data that it is bound to: its path, or the time of change for the MAC
 * @returns undefined when it does not authenticate under this key at this place
 * @throws SopsError when it has not the form of an encrypted value, or a type that is not known
 */
export function decryptValue(text: string, key: KeyObject, where: string): Decrypted | undefined {
  // SOPS leaves the empty text as it is.
  if (text === "") return { value: { kind: "str", text: "" }, hashed: nothing };
  const fields = fieldsOf(text);
  if (!fields) throw new SopsError("malformed", "is not encrypted, though by the rule of the file it should be");
  const [data, iv, tag, type] = fields;
  const parts = [data, iv, tag].map((part) => part.replace(/[\r\n]/g, "")) as [string, string, string];
  if (!parts.every(isBase64)) throw new SopsError("malformed", "is not in the form that SOPS writes");
  const [sealed, nonce, proof] = parts.map((part) => Buffer.from(part, "base64")) as [Buffer, Buffer, Buffer];
  // Node would take a tag of 4 bytes otherwise.
  if (proof.length !== 16 || nonce.length === 0 || nonce.length > 1024) return undefined;
  const plain = open(sealed, nonce, proof, key, where);
  return plain && typed(plain, type);
}

function open(sealed: Buffer, nonce: Buffer, proof: Buffer, key: KeyObject, where: string): Buffer | undefined {
  const cipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
  cipher.setAAD(Buffer.from(where));
  cipher.setAuthTag(proof);
  const plain = cipher.update(sealed);
  try {
    cipher.final();
  } catch {
    return undefined;
  }
  return plain;
}

/** The value of plain bytes of a type. What is hashed is how Go writes the value it read, not the bytes themselves. */
function typed(plain: Buffer, type: string): Decrypted {
  const wrong = (): SopsError => new SopsError("malformed", `is of the type ${type}, and its content is not`);
  if (type === "str")
    return {
      value: isUtf8(plain) ? { kind: "str", text: plain.toString() } : { kind: "bytes", bytes: plain },
      hashed: plain,
    };
  if (type === "bytes") return { value: { kind: "bytes", bytes: plain }, hashed: plain };
  const text = plain.toString();
  if (type === "comment") return { value: { kind: "comment", text }, hashed: nothing };
  if (type === "int") {
    const integer = parseInt64(text);
    if (integer === undefined) throw wrong();
    return { value: { kind: "int", text: integer }, hashed: Buffer.from(integer) };
  }
  if (type === "float") {
    const number = parseFloat64(text);
    if (number === undefined) throw wrong();
    return { value: { kind: "float", number }, hashed: Buffer.from(formatFloat(number)) };
  }
  if (type === "bool") {
    const value = parseBool(text);
    if (value === undefined) throw wrong();
    return { value: { kind: "bool", value }, hashed: Buffer.from(value ? "True" : "False") };
  }
  if (type === "time") {
    const time = normaliseTime(text);
    if (time === undefined) throw wrong();
    return { value: { kind: "time", text: time }, hashed: Buffer.from(time) };
  }
  throw new SopsError("unsupported", `has the type ${quoted(type, 20)}, which is not known`);
}

/** The bytes that a value adds to the MAC when it is not encrypted; undefined for what is not hashed. */
export function hashedBytes(value: Scalar | Comment): Buffer | string | undefined {
  switch (value.kind) {
    case "null":
    case "comment":
      return undefined;
    case "bytes":
      return value.bytes;
    case "float":
      return formatFloat(value.number);
    case "bool":
      return value.value ? "True" : "False";
    default:
      return value.text;
  }
}

const typeNames = {
  str: "str",
  bytes: "str",
  int: "int",
  float: "float",
  bool: "bool",
  time: "time",
  comment: "comment",
};

/** Encrypts one value as SOPS does. Null and the empty text stay as they are. */
export function encryptValue(value: Scalar | Comment, key: KeyObject, where: string): string {
  const plain = value.kind === "comment" ? value.text : hashedBytes(value);
  if (plain === undefined || plain.length === 0 || value.kind === "null") return "";
  const nonce = randomBytes(32);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
  cipher.setAAD(Buffer.from(where));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  const [data, iv, tag] = [sealed, nonce, cipher.getAuthTag()].map((part) => part.toString("base64"));
  return `ENC[AES256_GCM,data:${data},iv:${iv},tag:${tag},type:${typeNames[value.kind]}]`;
}
