/** What every format says of the document itself. */
import { createHash } from "node:crypto";
import type { Inventory } from "./inventory.ts";
import { storeName } from "./names.ts";

export interface About {
  /** What the document is about; by default the names of the roots. */
  name?: string;
  version?: string;
  /** When the content was made, such as the time of the commit: the same closure then has the same bytes. */
  created: Date;
  /** What makes the document. */
  tool: { name: string; version: string };
}

export const titleOf = ({ roots }: Inventory, { name }: About): string => name ?? roots.map(storeName).join(", ");

/** In UTC, whole seconds. */
export const timestamp = (time: Date): string =>
  `${new Date(Math.floor(time.getTime() / 1000) * 1000).toISOString().slice(0, 19)}Z`;

/**
 * The same for the same components, and for no others: UUID version 8 from the closure digest, what else is listed, and
 * the roots. https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-8
 */
export function serialOf({ closureDigest, scope, components, roots }: Inventory): string {
  const hash = createHash("sha256").update(`${closureDigest}\n${scope}\n${roots.join("\n")}\n`);
  for (const { ref, part } of components) if (part !== "runtime") hash.update(`${part} ${ref}\n`);
  const bytes = hash.digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** A URL as JSON schemas want it; undefined for what is none. */
export const asUri = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).href : undefined);
