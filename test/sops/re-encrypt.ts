/** The same file with every value and the MAC encrypted anew by our own code, under the same data key. */
import { createHash } from "node:crypto";
import type { Format, Node } from "@goatnote/sops-file";
import { extractMetadata, readDocuments } from "@goatnote/sops-file";
import { selectorOf } from "../../packages/sops-file/src/selection.ts";
import { dataKey, decryptValue, encryptValue, hashedBytes } from "../../packages/sops-file/src/value.ts";
import { walk } from "../../packages/sops-file/src/walk.ts";

export async function reEncrypt(content: Buffer, format: Format, bytes: Uint8Array): Promise<string> {
  const { metadata, documents } = extractMetadata(await readDocuments(content, format), format)!;
  const key = dataKey(bytes);
  const hash = createHash("sha512");
  if (metadata.macOnlyEncrypted) hash.update(createHash("sha256").update("sops").digest());
  const replaced = new Map<string, string>();
  walk(documents, await selectorOf(metadata.selection), (leaf, path, encrypted): Node => {
    const where = `${path.join(":")}:`;
    if (encrypted && (leaf.kind === "str" || leaf.kind === "comment") && leaf.text.startsWith("ENC[")) {
      const { value, hashed } = decryptValue(leaf.text, key, where)!;
      if (leaf.kind === "str" && value.kind !== "comment") hash.update(hashed);
      const anew = encryptValue(value, key, where);
      if (anew.split("type:")[1] !== leaf.text.split("type:")[1]) throw new Error("the type is lost");
      replaced.set(leaf.text, anew);
    } else if (!(metadata.macOnlyEncrypted && !encrypted)) hash.update(hashedBytes(leaf) ?? "");
    return leaf;
  });
  const mac = { kind: "str", text: hash.digest("hex").toUpperCase() } as const;
  replaced.set(metadata.mac, encryptValue(mac, key, metadata.lastModified));
  return content.toString().replace(/ENC\[AES256_GCM,[^\]]*\]/g, (value) => replaced.get(value) ?? value);
}
