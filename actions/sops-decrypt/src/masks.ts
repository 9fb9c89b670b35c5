/**
 * Every form in which a secret may come up in a log. The runner masks a value, each of its lines, and these encodings of it:
 * base64 at any offset, JSON, XML, URI and its own expressions
 * (https://github.com/actions/runner/blob/main/src/Runner.Common/HostContext.cs). What it leaves out is added here.
 */

import { isUtf8 } from "node:buffer";

// Shorter pieces would make harmless text unreadable.
const shortestPart = 6;

/**
 * The value and its further forms: trimmed, hex, base64url, wrapped base64, quoted for a shell, and the parts of a
 * structured text (JSON, URLs, `key=value` pairs, PEM). Of bytes that are no text base64 too, which the runner cannot know:
 * it is given them with U+FFFD.
 * @param bytes the value
 */
export function maskForms(bytes: Buffer): string[] {
  const text = bytes.toString("utf8");
  const values = [...new Set([text, text.trim(), ...partsOf(text)])].filter((value) => value !== "");
  const forms = values.flatMap((value) => [value, ...encodings(value === text ? bytes : Buffer.from(value))]);
  return [...new Set(forms)];
}

function encodings(bytes: Buffer): string[] {
  if (bytes.length < shortestPart) return [];
  const hex = bytes.toString("hex");
  const always = [hex, hex.toUpperCase(), ...wrappedBase64(bytes)];
  // No word of a shell holds a zero byte; other bytes it prints as they are, and the log has U+FFFD for what is no text.
  const quoted = bytes.includes(0) ? [] : shellQuoted(bytes.toString("utf8"));
  if (!isUtf8(bytes)) return [...always, ...quoted, ...inBase64(bytes, "base64"), ...inBase64(bytes, "base64url")];
  // Without - and _ it equals the base64 that the runner masks.
  const base64 = inBase64(bytes, "base64url").filter((form) => /[-_]/.test(form));
  return [...always, ...quoted, ...base64];
}

const padding = Buffer.alloc(2);

/** Base64 at each of the three offsets that what stands before may give, without the ends that neighbours change. */
function inBase64(bytes: Buffer, alphabet: "base64" | "base64url"): string[] {
  const padded = Buffer.concat([padding, bytes]);
  const inner = [0, 1, 2].map((offset) => {
    const whole = padded.subarray(2 - offset);
    return whole
      .subarray(0, whole.length - (whole.length % 3))
      .toString(alphabet)
      .slice([0, 2, 3][offset]);
  });
  return [bytes.toString(alphabet), ...inner].filter((form) => form.length >= shortestPart);
}

/** The lines of base64 as `base64`, PEM and MIME break it. */
function wrappedBase64(bytes: Buffer): string[] {
  // The narrowest line holds 48 bytes.
  if (bytes.length <= 48) return [];
  const text = bytes.toString("base64");
  return [64, 70, 76].flatMap((width) => {
    const count = Math.ceil(text.length / width);
    if (count < 2) return [];
    const lines = Array.from({ length: count }, (_, i) => text.slice(i * width, (i + 1) * width));
    return lines.filter((line) => line.length >= 8);
  });
}

const needsQuotes = /[^\w@%+=:,./-]/;

/** As a word of a shell: what `printf %q` prints, and what stands between single or double quotes. */
function shellQuoted(text: string): string[] {
  if (!needsQuotes.test(text)) return [];
  return [
    text.replaceAll("'", "'\\''"),
    text.replaceAll("'", `'"'"'`),
    text.replace(/["$`\\]/g, "\\$&"),
    text.replace(/[^\w@%+=:,./-]/g, "\\$&"),
    text.replaceAll("\n", "\\n"),
    text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n"),
  ].filter((form) => form !== text);
}

/** What is secret by itself inside a structured text. */
function partsOf(text: string): string[] {
  return [...urlParts(text), ...jsonParts(text), ...pairs(text), ...pemBody(text)].filter(
    (part) => part.length >= shortestPart && part !== text,
  );
}

function urlParts(text: string): string[] {
  return [...text.matchAll(/(?<=[a-z\d+.-]):\/\/([^\s/?#"'<>]*)@/gi)].flatMap(([, user = ""]) => {
    const colon = user.indexOf(":");
    const password = colon === -1 ? user : user.slice(colon + 1);
    return [password, decoded(password)];
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function jsonParts(text: string): string[] {
  if (!/^\s*[{[]/.test(text)) return [];
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return [];
  }
  const found: string[] = [];
  const queue = [root];
  for (const value of queue) {
    if (typeof value === "string")
      for (const part of [value, ...value.split(/\r?\n/).map((line) => line.trim())]) found.push(part);
    else if (typeof value === "number") found.push(String(value));
    else if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) queue.push(inner);
  }
  return found;
}

// A name, a value in quotes or without.
const pair = /([\w .-]{1,60})["']?\s{0,9}[=:]\s{0,9}("[^"]*"|'[^']*'|[^\s;&,]+)/g;
const secretName = /(?:pass(?:word|wd|phrase)?|pwd|secret|token|key|credential|auth|signature|sig)\w*$/i;

/** `Password=…;` of connection strings, `password=…` of DSNs and dotenv lines, `"password": "…"` of YAML. */
function pairs(text: string): string[] {
  if (!/[=:]/.test(text)) return [];
  return [...text.matchAll(pair)].flatMap(([, name = "", value = ""]) =>
    secretName.test(name.trim()) ? [value.replace(/^(["'])(.*)\1$/s, "$2")] : [],
  );
}

const pemMarks = /-----(BEGIN|END) [^-]{1,60}-----/g;

/** The body of a PEM block in one line, as JSON and environment files often hold it. */
function pemBody(text: string): string[] {
  const found: string[] = [];
  let begin: number | undefined;
  for (const { 0: mark, 1: kind, index } of text.matchAll(pemMarks)) {
    if (kind === "BEGIN") begin ??= index + mark.length;
    else if (begin !== undefined) {
      found.push(text.slice(begin, index).replace(/\s|\\n/g, ""));
      begin = undefined;
    }
  }
  return found;
}
