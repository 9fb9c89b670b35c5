/**
 * Bundles beside an image in its registry: as manifests that refer to it, which clients find by the image's digest.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
import { type AttachArtifactOptions, attachArtifactToImage } from "@sigstore/oci";
import type { RegistryCredentials } from "./docker-credentials.ts";
import { ApiError } from "./github-api.ts";
import type { ImageName } from "./image-name.ts";
import { type Patience, persist } from "./persist.ts";

/** What is attached. */
export interface ImageAttestation {
  /** A bundle as parsed JSON. */
  bundle: { mediaType?: string };
  predicateType: string;
  /** When it was made. Said in the manifest, so that an attempt that is made again makes the same manifest. */
  created: Date;
}

/**
 * Attaches a bundle to the image of a digest. A registry without an API for referrers gets an index under the tag
 * `sha256-<hex>`, as the specification says.
 * @param digest `sha256:<hex>` of the image, which has to be there
 * @param credentials undefined for a registry that asks for none
 * @returns the digest of the manifest that refers to the image
 * @throws ServiceError that names the registry and what it answered
 */
export async function attachToImage(
  image: ImageName,
  digest: string,
  { bundle, predicateType, created }: ImageAttestation,
  credentials: RegistryCredentials | undefined,
  patience: Patience,
): Promise<string> {
  const options = {
    imageName: `${image.registry}/${image.path}`,
    imageDigest: digest,
    artifact: Buffer.from(JSON.stringify(bundle)),
    mediaType: bundle.mediaType ?? "application/vnd.dev.sigstore.bundle.v0.3+json",
    annotations: {
      "org.opencontainers.image.created": created.toISOString(),
      // By these two, cosign tells bundles from each other.
      "dev.sigstore.bundle.content": "dsse-envelope",
      "dev.sigstore.bundle.predicateType": predicateType,
    },
    fetchOpts: { retry: 0, timeout: patience.attemptMs },
  };
  // Its types do not say that credentials may be missing, nor that proxies then come from the environment.
  const attach = (credentials?: RegistryCredentials) =>
    attachArtifactToImage({ ...options, credentials } as unknown as AttachArtifactOptions);
  const what = `The registry (${image.registry}) did not take the attestation`;
  const attached = await persist("registry", what, patience, async () => {
    try {
      return await attach(credentials).catch((error: unknown) => {
        // It asks nobody who they are, and the library does not expect that.
        if (credentials && causeOf(error).message === "Invalid challenge: ") return attach();
        throw error;
      });
    } catch (error) {
      throw explained(error, options);
    }
  });
  return attached.digest;
}

const causeOf = (error: unknown): { message?: string; statusCode?: number } =>
  ((error as { cause?: object }).cause ?? {}) as { message?: string; statusCode?: number };

/** The library says which URL was asked; the reader wants to know what to do. */
function explained(error: unknown, { imageName, imageDigest }: { imageName: string; imageDigest: string }): unknown {
  const { statusCode, message = "" } = causeOf(error);
  if (message.startsWith("Invalid challenge: "))
    return new ApiError(401, "log in to it in an earlier step, such as docker/login-action");
  if (statusCode === 401 || statusCode === 403)
    return new ApiError(
      statusCode,
      "log in to it in an earlier step, such as docker/login-action, as someone who may push",
    );
  if (statusCode === 404) return new ApiError(404, `push ${imageName}@${imageDigest} before it is attested`);
  return error;
}
