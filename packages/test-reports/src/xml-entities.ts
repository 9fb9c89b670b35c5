/** Entities of XML, without any that a document declares. */

const named: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
/** Characters from `&` to `;`: longer ones are text. */
export const longestEntity = 40;

/**
 * Text with the five entities of XML and numeric ones replaced; others are left as they are.
 * @param notes what is to be told of them is added.
 */
export function decodeEntities(text: string, notes: string[]): string {
  let at = text.indexOf("&");
  if (at < 0) return text;
  let decoded = "";
  let done = 0;
  for (; at >= 0; at = text.indexOf("&", at + 1)) {
    const end = text.indexOf(";", at);
    if (end < 0) break;
    if (end - at > longestEntity) continue;
    const char = entity(text.slice(at + 1, end), notes);
    if (char === undefined) continue;
    decoded += text.slice(done, at) + char;
    done = end + 1;
  }
  return done === 0 ? text : decoded + text.slice(done);
}

/** What an entity stands for; undefined for what is none, or none of XML's own. */
function entity(body: string, notes: string[]): string | undefined {
  const own = Object.hasOwn(named, body) ? named[body] : undefined;
  if (own !== undefined) return own;
  const numeric = /^#(?:(\d{1,10})|[xX]([0-9a-fA-F]{1,8}))$/.exec(body);
  if (!numeric) {
    if (/^[\w.:-]+$/.test(body)) notes.push(`The entity &${body}; is not one of XML's own; it is left as it is.`);
    return undefined;
  }
  const code = numeric[1] === undefined ? Number.parseInt(numeric[2]!, 16) : Number(numeric[1]);
  if (code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) return String.fromCodePoint(code);
  notes.push(`&${body}; is no character; it is read as U+FFFD.`);
  return "\ufffd";
}
