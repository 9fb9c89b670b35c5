/** From where a source was downloaded to the package URL that vulnerability databases know it by. */
import { PackageURL } from "packageurl-js";

/** @param namespace parts parted by slashes */
export function purl(
  type: string,
  namespace: string | null,
  name: string,
  version: string | null,
  qualifiers: Record<string, string> | null = null,
): string {
  return new PackageURL(type, namespace, name, version, qualifiers, null).toString();
}

type Reader = (match: RegExpExecArray, revision: string | null) => string;

const named = (match: RegExpExecArray, key: string): string => match.groups![key]!;
/** Type, namespace, name and version by the names of the groups. */
const plain =
  (type: string): Reader =>
  (match) =>
    purl(type, match.groups!.namespace ?? null, named(match, "name"), match.groups!.version ?? null);

// Versions begin with a digit; an archive's name ends where the last dash before one is.
const file = String.raw`(?<name>[^/]+?)-v?(?<version>\d[^/]*?)`;

/** Where registries and forges keep their archives. */
const places: [RegExp, Reader][] = [
  [
    /^https?:\/\/(?:static\.)?crates\.io\/(?:api\/v1\/)?crates\/(?<name>[^/]+)\/(?<version>[^/]+)\/download$/,
    plain("cargo"),
  ],
  [/^https?:\/\/static\.crates\.io\/crates\/(?<name>[^/]+)\/\k<name>-(?<version>[^/]+)\.crate$/, plain("cargo")],
  [
    /^https?:\/\/(?:files\.pythonhosted\.org|pypi\.(?:io|org|python\.org))\/packages\/.+\/(?<name>[^/]+?)-(?<version>\d[^/-]*)(?:-[^/]+\.whl|\.tar\.(?:gz|bz2|xz)|\.zip)$/,
    pypi,
  ],
  [
    /^https?:\/\/registry\.(?:npmjs\.org|yarnpkg\.com)\/(?:(?<namespace>(?:@|%40)[^/]+)\/)?(?<name>[^/]+)\/-\/\k<name>-(?<version>\d[^/]*)\.tgz$/,
    npm,
  ],
  [/^https?:\/\/proxy\.golang\.org\/(?<path>.+)\/@v\/(?<version>v[^/]+)\.zip$/, go],
  [new RegExp(String.raw`^https?://rubygems\.org/(?:downloads|gems)/${file}\.gem$`), plain("gem")],
  [
    /^https?:\/\/hackage\.haskell\.org\/package\/(?:[^/]+\/)?(?<name>[^/]+)-(?<version>[\d.]+)\.tar\.gz$/,
    plain("hackage"),
  ],
  [
    /^https?:\/\/(?:cran\.r-project\.org|cloud\.r-project\.org)\/src\/contrib\/(?:Archive\/[^/]+\/)?(?<name>[^/_]+)_(?<version>[^/]+)\.tar\.gz$/,
    plain("cran"),
  ],
  [
    /^https?:\/\/(?:repo1\.maven\.org|repo\.maven\.apache\.org)\/maven2\/(?<path>.+)\/(?<name>[^/]+)\/(?<version>[^/]+)\/\k<name>-\k<version>[^/]*$/,
    maven,
  ],
  [
    /^https?:\/\/(?:www\.|api\.)nuget\.org\/(?:api\/v2\/package|v3-flatcontainer)\/(?<name>[^/]+)\/(?<version>[^/]+)(?:\/[^/]+)?$/,
    plain("nuget"),
  ],
  [
    /^https?:\/\/github\.com\/(?<namespace>[^/]+)\/(?<name>[^/]+)\/archive\/(?:refs\/(?:tags|heads)\/)?(?<version>.+?)\.(?:tar\.gz|zip)$/,
    plain("github"),
  ],
  [
    /^https?:\/\/github\.com\/(?<namespace>[^/]+)\/(?<name>[^/]+)\/releases\/download\/(?<version>[^/]+)\/[^/]+$/,
    plain("github"),
  ],
  [
    /^https?:\/\/codeload\.github\.com\/(?<namespace>[^/]+)\/(?<name>[^/]+)\/(?:tar\.gz|zip)\/(?:refs\/(?:tags|heads)\/)?(?<version>.+)$/,
    plain("github"),
  ],
  [
    /^https?:\/\/api\.github\.com\/repos\/(?<namespace>[^/]+)\/(?<name>[^/]+)\/(?:tarball|zipball)\/(?<version>.+)$/,
    plain("github"),
  ],
  [
    /^(?:git\+)?(?:https?|git|ssh):\/\/(?:git@)?(?<forge>github|gitlab|bitbucket)\.(?:com|org)\/(?<namespace>[^/]+)\/(?<name>[^/]+?)(?:\.git)?\/?$/,
    git,
  ],
  [
    /^https?:\/\/gitlab\.com\/api\/v4\/projects\/(?<project>[^/]+)\/repository\/archive\.[a-z.0-9]+\?sha=(?<version>.+)$/,
    gitlab,
  ],
  [/^https?:\/\/gitlab\.com\/(?<namespace>.+)\/(?<name>[^/]+)\/-\/archive\/(?<version>.+)\/[^/]+$/, plain("gitlab")],
];

/**
 * @param revision the commit, for what came by git
 * @returns null for a place that is not known
 */
export function purlOfUrl(url: string, revision: string | null = null): string | null {
  for (const [pattern, read] of places) {
    const match = pattern.exec(url);
    if (!match) continue;
    try {
      return read(match, revision);
    } catch (error) {
      // A part that is no well-formed percent encoding, or that a purl cannot hold, such as blanks, names nothing.
      if (error instanceof URIError || /^Invalid purl\b/.test((error as Error).message)) return null;
      throw error;
    }
  }
  return null;
}

/** A wheel's name has underscores where the project's has dashes: https://peps.python.org/pep-0503/#normalized-names */
function pypi(match: RegExpExecArray): string {
  return purl(
    "pypi",
    null,
    named(match, "name")
      .toLowerCase()
      .replace(/[-_.]+/g, "-"),
    named(match, "version"),
  );
}

function npm(match: RegExpExecArray): string {
  const namespace = match.groups!.namespace?.replace("%40", "@") ?? null;
  return purl("npm", namespace, named(match, "name"), named(match, "version"));
}

/** The proxy writes capitals as `!` and the small letter: https://go.dev/ref/mod#goproxy-protocol */
function go(match: RegExpExecArray): string {
  const parts = named(match, "path")
    .replace(/!([a-z])/g, (_, letter: string) => letter.toUpperCase())
    .split("/");
  const name = parts.pop()!;
  return purl("golang", parts.join("/") || null, name, named(match, "version"));
}

function maven(match: RegExpExecArray): string {
  return purl("maven", named(match, "path").replaceAll("/", "."), named(match, "name"), named(match, "version"));
}

function git(match: RegExpExecArray, revision: string | null): string {
  return purl(named(match, "forge"), named(match, "namespace"), named(match, "name"), revision);
}

function gitlab(match: RegExpExecArray): string {
  const parts = decodeURIComponent(named(match, "project")).split("/");
  const name = parts.pop()!;
  return purl("gitlab", parts.join("/") || null, name, decodeURIComponent(named(match, "version")));
}
