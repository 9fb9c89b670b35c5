/** Bundles as assets of a release. https://docs.github.com/en/rest/releases */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { UserError } from "@goatnote/action-io";
import { ask, type GitHubRepository, nextPage } from "./github-api.ts";
import { type Patience, persist } from "./persist.ts";

interface Release {
  id: number;
  tag_name: string;
  draft: boolean;
  immutable?: boolean;
  upload_url: string;
  assets: { id: number; name: string; size: number; digest?: string | null }[];
}

const mostPages = 20;

/**
 * Attaches files to the release of a tag. One that is there with the same content stays; in a draft, one with other content is
 * replaced, as when a run is repeated.
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
  const target = uploadUrl(release, repository.apiUrl);
  const attached: string[] = [];
  for (const file of files) {
    const name = basename(file);
    const content = new Uint8Array(await readFile(file));
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const present = release.assets.find((asset) => asset.name === name);
    if (present && present.digest === digest) continue;
    if (present && !release.draft)
      throw new UserError(
        `The release ${tag} is published, and has another ${name}. What is published is not replaced.`,
      );
    const what = `GitHub did not take ${name} for the release ${tag}`;
    if (present) {
      const asset = `${repository.apiUrl}/repos/${repository.repository}/releases/assets/${present.id}`;
      await persist("GitHub", what, patience, (signal) => ask(repository, "DELETE", asset, signal));
    }
    await persist("GitHub", what, patience, (signal) =>
      ask(repository, "POST", `${target}?name=${encodeURIComponent(name)}`, signal, content),
    );
    attached.push(name);
  }
  return attached;
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
