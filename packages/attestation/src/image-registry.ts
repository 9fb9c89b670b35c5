/**
 * Bundles beside an image in its registry: as manifests that refer to it, which clients find by the image's digest.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */

import { UserError } from "@goatnote/action-io";
import { getAgent } from "@npmcli/agent";
import { type AttachArtifactOptions, attachArtifactToImage } from "@sigstore/oci";
import { RegistryClient, type RegistryFetchOptions } from "@sigstore/oci/dist/registry.js";
import type { RegistryCredentials } from "./docker-credentials.ts";
import { ApiError } from "./github-api.ts";
import { apiHost, type ImageName } from "./image-name.ts";
import { Garbage, type Patience, persist } from "./persist.ts";
import { hopGuard } from "./registry-hops.ts";

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
  };
  const attach = async (credentials?: RegistryCredentials) => {
    const fetchOpts = guarded(image, patience);
    // Its types do not say that credentials may be missing, nor that proxies then come from the environment.
    const all = { ...options, credentials, fetchOpts } as unknown as AttachArtifactOptions;
    const attached = await attachArtifactToImage(all);
    await readBack(image, digest, attached.digest, credentials, patience);
    return attached;
  };
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

/** Options of the client's requests, each of which is looked at before anything is sent. */
function guarded(image: ImageName, { attemptMs: timeout }: Patience) {
  const guard = hopGuard(image);
  const agent = (url: URL) => {
    guard(url);
    return getAgent(url.href, { timeout });
  };
  return { retry: 0, timeout, agent };
}

/**
 * The client takes the image's digest for the manifest from a header of the registry's answer, and not from us.
 * @throws UserError when the manifest that was pushed refers to something else
 */
async function readBack(
  image: ImageName,
  digest: string,
  manifest: string,
  credentials: RegistryCredentials | undefined,
  patience: Patience,
): Promise<void> {
  const client = new RegistryClient(
    apiHost(image),
    image.path,
    guarded(image, patience) as object as RegistryFetchOptions,
  );
  if (credentials) await client.signIn(credentials);
  const { body } = await client.getManifest(manifest).catch((error: { statusCode?: number }) => {
    throw error.statusCode === 404 ? new Garbage(`it does not have the manifest ${manifest} that it took`) : error;
  });
  const { subject } = (body ?? {}) as { subject?: { digest?: unknown } };
  if (subject?.digest !== digest)
    throw new UserError(
      `the manifest ${manifest} that it took refers to ${JSON.stringify(subject?.digest ?? "").slice(0, 150)}, and not to the image ${digest}, since the registry did not name the image by its digest. Nobody will find it by the image`,
    );
}

const causeOf = (error: unknown): { message?: string; statusCode?: number } =>
  ((error as { cause?: object }).cause ?? {}) as { message?: string; statusCode?: number };

/** The library says which URL was asked; the reader wants to know what to do. */
function explained(error: unknown, { imageName, imageDigest }: { imageName: string; imageDigest: string }): unknown {
  const cause = causeOf(error);
  if (cause instanceof UserError) return cause;
  const { statusCode, message = "" } = cause;
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
