/**
 * Every form in which a secret may come up in a log. The runner masks a value, each of its lines, and these encodings of it:
 * base64 at any offset, JSON, XML, URI and its own expressions
 * (https://github.com/actions/runner/blob/main/src/Runner.Common/HostContext.cs). What it leaves out is added here.
 */

// Shorter pieces would make harmless text unreadable.
const shortestPart = 6;

/**
 * The value and its further forms: trimmed, hex, base64url, wrapped base64, quoted for a shell, and the parts of a
 * structured text (JSON, URLs, `key=value` pairs, PEM).
 * @param bytes the value
 */
export function maskForms(bytes: Buffer): string[] {
  const text = bytes.toString("utf8");
  const values = [text, text.trim(), ...partsOf(text)].filter((value) => value !== "");
  const forms = values.flatMap((value) => [value, ...encodings(value === text ? bytes : Buffer.from(value))]);
  return [...new Set(forms)];
}

function encodings(bytes: Buffer): string[] {
  if (bytes.length < shortestPart) return [];
  const text = bytes.toString("utf8");
  const hex = bytes.toString("hex");
  return [hex, hex.toUpperCase(), ...base64Url(bytes), ...wrappedBase64(bytes), ...shellQuoted(text)];
}

const padding = Buffer.alloc(2);

/** Base64url at each of the three offsets that what stands before may give, without the ends that neighbours change. */
function base64Url(bytes: Buffer): string[] {
  const padded = Buffer.concat([padding, bytes]);
  const inner = [0, 1, 2].map((offset) => {
    const whole = padded.subarray(2 - offset);
    return whole
      .subarray(0, whole.length - (whole.length % 3))
      .toString("base64url")
      .slice([0, 2, 3][offset]);
  });
  // Without - and _ it equals the base64 that the runner masks.
  return [bytes.toString("base64url"), ...inner].filter((form) => form.length >= shortestPart && /[-_]/.test(form));
}

/** The lines of base64 as `base64`, PEM and MIME break it. */
function wrappedBase64(bytes: Buffer): string[] {
  // The narrowest line holds 48 bytes.
  if (bytes.length <= 48) return [];
  const text = bytes.toString("base64");
  return [64, 70, 76].flatMap((width) => {
    const lines = text.match(new RegExp(`.{1,${width}}`, "g")) ?? [];
    return lines.length < 2 ? [] : lines.filter((line) => line.length >= 8);
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
  if (!text.includes("://")) return [];
  return [...text.matchAll(/[a-z][a-z\d+.-]*:\/\/([^\s/?#"'<>]*)@/gi)].flatMap(([, user = ""]) => {
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
    if (typeof value === "string") found.push(value, ...value.split(/\r?\n/).map((line) => line.trim()));
    else if (typeof value === "number") found.push(String(value));
    else if (typeof value === "object" && value !== null) queue.push(...Object.values(value));
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

/** The body of a PEM block in one line, as JSON and environment files often hold it. */
function pemBody(text: string): string[] {
  return [...text.matchAll(/-----BEGIN [^-]+-----([\s\S]+?)-----END [^-]+-----/g)].map(([, body = ""]) =>
    body.replace(/\s|\\n/g, ""),
  );
}
