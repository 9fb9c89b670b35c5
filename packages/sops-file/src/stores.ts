/** The five stores: which one a file belongs to, and its content as documents. */
import { isUtf8 } from "node:buffer";
import { readDotenv } from "./dotenv-store.ts";
import { SopsError } from "./errors.ts";
import { readIni } from "./ini-store.ts";
import { readJson } from "./json-store.ts";
import type { Documents } from "./tree.ts";
import { readRegularYaml } from "./yaml-regular.ts";

export const formats = ["yaml", "json", "dotenv", "ini", "binary"] as const;
export type Format = (typeof formats)[number];

/** The format that SOPS takes a file for by its name: https://github.com/getsops/sops/blob/v3.13.2/cmd/sops/formats/formats.go */
export function formatOf(path: string): Format {
  if (/\.ya?ml$/.test(path)) return "yaml";
  if (path.endsWith(".json")) return "json";
  if (path.endsWith(".env")) return "dotenv";
  return path.endsWith(".ini") ? "ini" : "binary";
}

/**
 * Reads the content of a file that is encrypted, or that lint looks at.
 * @throws SopsError when it is not of this format, or over a limit
 */
export async function readDocuments(content: Uint8Array, format: Format): Promise<Documents> {
  if (!isUtf8(content))
    throw new SopsError("malformed", `It is not UTF-8, so it is no ${format} file that SOPS wrote.`);
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString("utf8");
  switch (format) {
    case "json":
    case "binary":
      return [readJson(text)];
    case "dotenv":
      return [readDotenv(text)];
    case "ini":
      return [readIni(text)];
    case "yaml":
      // What SOPS itself writes is read without the library, which takes more time than all the rest.
      return readRegularYaml(text) ?? (await import("./yaml-store.ts")).readYaml(text);
  }
}
