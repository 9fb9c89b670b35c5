/** Bytes to text, for files that say their encoding, say it wrongly, or do not say it. */
import { isUtf8 } from "node:buffer";
import { StringDecoder } from "node:string_decoder";

export interface TextStream {
  write(bytes: Uint8Array): string;
  end(): string;
}

/** What the first bytes say: a byte order mark, else the look of UTF-16, else the XML declaration, else UTF-8. */
function encodingOf(head: Uint8Array): { label: string; warning?: string } {
  const [a, b, c] = head;
  const text = Buffer.from(head.subarray(0, 1024)).toString("latin1");
  const wide =
    (a === 0xff && b === 0xfe) || (a === 0x3c && b === 0)
      ? "utf-16le"
      : (a === 0xfe && b === 0xff) || (a === 0 && b === 0x3c)
        ? "utf-16be"
        : undefined;
  const declared = /<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']/
    .exec(wide ? text.replaceAll("\0", "") : text)?.[1]
    ?.toLowerCase();
  if (wide) {
    const agrees = declared === undefined || declared.startsWith("utf-16");
    return agrees ? { label: wide } : { label: wide, warning: `The file says ${declared}, and is ${wide}.` };
  }
  if (declared === undefined || declared === "utf-8" || (a === 0xef && b === 0xbb && c === 0xbf))
    return { label: "utf-8" };
  if (declared.startsWith("utf-16") || declared.startsWith("ucs-2"))
    return { label: "utf-8", warning: `The file says ${declared}, and has single bytes; read as UTF-8.` };
  try {
    return { label: new TextDecoder(declared).encoding };
  } catch {
    return { label: "utf-8", warning: `The encoding ${declared} is not known; read as UTF-8.` };
  }
}

/**
 * A decoder for the stream that begins with `head`. Bytes that the encoding does not know become U+FFFD.
 * @param warn told at most once per kind of fault.
 */
export function decoderFor(head: Uint8Array, warn: (message: string) => void): TextStream {
  const { label, warning } = encodingOf(head);
  if (warning) warn(warning);
  let faulty = false;
  const check = (text: string) => {
    if (!faulty && text.includes("\ufffd")) {
      faulty = true;
      warn(`Some bytes are not ${label}; they are read as U+FFFD.`);
    }
    return text;
  };
  if (label !== "utf-8") {
    const decoder = new TextDecoder(label);
    return { write: (bytes) => check(decoder.decode(bytes, { stream: true })), end: () => check(decoder.decode()) };
  }
  const decoder = new StringDecoder("utf8");
  let started = false;
  const strip = (text: string) => {
    if (started || text === "") return text;
    started = true;
    return text.startsWith("\ufeff") ? text.slice(1) : text;
  };
  return {
    // Pure ASCII, most of most reports, needs no look for U+FFFD.
    write: (bytes) => {
      const text = strip(decoder.write(bytes as Buffer));
      return faulty || isUtf8(bytes) ? text : check(text);
    },
    end: () => check(strip(decoder.end())),
  };
}
