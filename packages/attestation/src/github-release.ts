/** Bundles as assets of a release. https://docs.github.com/en/rest/releases */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { UserError } from "@goatnote/action-io";
import { ApiError, ask, type GitHubRepository, nextPage } from "./github-api.ts";
import { Garbage, type Patience, persist } from "./persist.ts";

interface Release {
  id: number;
  tag_name: string;
  draft: boolean;
  immutable?: boolean;
  upload_url: string;
  assets: Asset[];
}

interface Asset {
  id: number;
  name: string;
  size: number;
  /** `sha256:<hex>`. */
  digest?: string | null;
  /** `uploaded`, or `starter` where GitHub did not finish storing it. */
  state?: string;
}

const mostPages = 20;

/**
 * Attaches files to the release of a tag. One that is there with the same content stays; in a draft, one with other content is
 * replaced, as when a run is repeated: the new one is there before the old one goes.
 * @returns names of the files that were attached now
 * @throws UserError when there is no such release, or it takes no assets any more
 */
export async function attachToRelease(
  repository: GitHubRepository,
  tag: string,
  files: readonly string[],
  patience: Patience,
): Promise<string[]> {
  const release = await releaseOf(repository, tag, patience);
  if (release.immutable)
    throw new UserError(
      `The release ${tag} is immutable and takes no assets any more. Attest while it is a draft, and publish it afterwards.`,
    );
  const attached: string[] = [];
  for (const file of files) {
    const name = basename(file);
    const content = new Uint8Array(await readFile(file));
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    if (await attach(repository, release, { name, content, digest }, patience)) attached.push(name);
  }
  return attached;
}

interface NewAsset {
  name: string;
  content: Uint8Array<ArrayBuffer>;
  /** As GitHub states it of its assets. */
  digest: string;
}

/**
 * Attaches one file. Whatever an attempt did before its answer was lost is seen in the list before the next.
 * @returns whether it was not there before
 */
function attach(
  repository: GitHubRepository,
  listed: Release,
  { name, content, digest }: NewAsset,
  patience: Patience,
): Promise<boolean> {
  const { apiUrl } = repository;
  const tag = listed.tag_name;
  const target = uploadUrl(listed, apiUrl);
  const assetUrl = ({ id }: Pick<Asset, "id">): string =>
    `${apiUrl}/repos/${repository.repository}/releases/assets/${id}`;
  // What replaces another waits beside it, so that there is always one of them.
  const waitingName = `${name}.new`;
  let release: Release | undefined;
  const present = (wanted: string): Asset | undefined => release!.assets.find((asset) => asset.name === wanted);

  const upload = async (as: string, signal: AbortSignal): Promise<Asset> => {
    const url = `${target}?name=${encodeURIComponent(as)}`;
    const { json } = await ask(repository, "POST", url, signal, content).catch((error: unknown) => {
      if (error instanceof ApiError && error.code === "already_exists")
        throw new Garbage(`it says that it has ${as} already, which its list does not show`, { cause: error.message });
      throw error;
    });
    return json as Asset;
  };
  const remove = async (asset: Asset | undefined, signal: AbortSignal): Promise<void> => {
    if (asset)
      await ask(repository, "DELETE", assetUrl(asset), signal).catch((error: unknown) => {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      });
  };
  const rename = (asset: Asset, signal: AbortSignal) => ask(repository, "PATCH", assetUrl(asset), signal, { name });
  const isRight = (asset: Asset | undefined): asset is Asset => asset?.digest === digest;
  const wasThere = listed.assets.some((asset) => asset.name === name && isRight(asset));
  const put = async (signal: AbortSignal): Promise<boolean> => {
    const [old, waiting] = [present(name), present(waitingName)];
    if (!old && isRight(waiting)) {
      await rename(waiting, signal);
      return true;
    }
    if (!old || isRight(old)) {
      if (!old) await upload(name, signal);
      // What an attempt that was cut off left.
      await remove(waiting, signal);
      return !wasThere;
    }
    if (!isRight(waiting)) await remove(waiting, signal);
    const next = isRight(waiting) ? waiting : await upload(waitingName, signal);
    await remove(old, signal);
    await rename(next, signal);
    return true;
  };
  const isThere = async (): Promise<boolean | undefined> => {
    release = release === undefined ? listed : await releaseOf(repository, tag, patience);
    const asset = present(name);
    // What is published stays as it is.
    if (isRight(asset) && !(release.draft && present(waitingName))) return !wasThere;
    // What GitHub could not finish storing was never published.
    if (asset && asset.state !== "starter" && !release.draft)
      throw new UserError(
        `The release ${tag} is published, and has another ${name}. What is published is not replaced.`,
      );
    return undefined;
  };
  return persist("GitHub", `GitHub did not take ${name} for the release ${tag}`, patience, put, isThere);
}

/** Drafts have no tag of their own yet, so they are found in the list only. */
async function releaseOf(repository: GitHubRepository, tag: string, patience: Patience): Promise<Release> {
  const { apiUrl, repository: name } = repository;
  let url: string | undefined = `${apiUrl}/repos/${name}/releases?per_page=100`;
  for (let page = 0; url && page < mostPages; page++) {
    const asked: string = url;
    const { json, headers } = await persist("GitHub", "GitHub did not list the releases", patience, (signal) =>
      ask(repository, "GET", asked, signal),
    );
    const found = (json as Release[]).find((release) => release.tag_name === tag);
    if (found) return found;
    url = nextPage(headers, apiUrl);
  }
  throw new UserError(
    `There is no release of the tag ${tag} that this job can see. Make a draft of it before, and give this job \`contents: write\`.`,
  );
}

/** Where assets go: a host of the same GitHub, since the token goes there too. */
function uploadUrl({ upload_url }: Release, apiUrl: string): string {
  const [plain = ""] = upload_url.split("{");
  const [to, api] = [URL.parse(plain), new URL(apiUrl)];
  const own = to?.origin === api.origin;
  const uploads = to?.protocol === "https:" && to.host === api.host.replace(/^api\./, "uploads.");
  if (!own && !uploads) throw new UserError("GitHub names another server for assets of releases, which is not used.");
  return plain;
}
