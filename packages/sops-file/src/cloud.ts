/** Keys of AWS KMS, GCP KMS, Azure Key Vault and Vault's transit engine; their clients are loaded when a list allows a key. */
import type { CloudKeys, CloudOptions } from "./cloud/openers.ts";

export type { CloudKeys, CloudOptions } from "./cloud/openers.ts";

/** @throws SopsError for an entry of `allow` that is neither a key nor a role */
export const openCloudKeys = async (options: CloudOptions): Promise<CloudKeys> =>
  (await import("./cloud/openers.ts")).cloudKeys(options);
