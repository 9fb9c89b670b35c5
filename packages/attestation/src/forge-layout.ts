/** OCI image layouts made at will. For tests. */
import { createHash } from "node:crypto";

const hexOf = (content: string): string => createHash("sha256").update(content).digest("hex");

export interface ForgedLayout {
  /** Contents by path below the layout. */
  files: Record<string, string>;
  /** Digest of the image, with `sha256:`. */
  digest: string;
  /** Path of the layer's blob. */
  layer: string;
  /** Path of the manifest's blob, which the index in the layout names. */
  manifest: string;
}

/** A layout of an index with one image, of one layer. */
export function forgeLayout(layer = "layer", manifestFields: object = {}): ForgedLayout {
  const files: Record<string, string> = { "oci-layout": '{"imageLayoutVersion":"1.0.0"}' };
  const pathOf = (digest: string): string => `blobs/${digest.replace(":", "/")}`;
  const add = (content: string, mediaType: string) => {
    const digest = `sha256:${hexOf(content)}`;
    files[pathOf(digest)] = content;
    return { mediaType, digest, size: Buffer.byteLength(content) };
  };
  const addJson = (kind: string, content: object) => {
    const mediaType = `application/vnd.oci.image.${kind}.v1+json`;
    return add(JSON.stringify({ schemaVersion: 2, mediaType, ...content }), mediaType);
  };
  const config = add("{}", "application/vnd.oci.image.config.v1+json");
  const layers = [add(layer, "application/vnd.oci.image.layer.v1.tar")];
  const manifest = addJson("manifest", { config, layers, ...manifestFields });
  const index = addJson("index", { manifests: [manifest] });
  files["index.json"] = JSON.stringify({ schemaVersion: 2, manifests: [index] });
  return { files, digest: index.digest, layer: pathOf(layers[0]!.digest), manifest: pathOf(manifest.digest) };
}
