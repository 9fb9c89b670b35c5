/** The job summary. */
import { code, details, plain, prose, seconds, table } from "@goatnote/action-io";
import { type BuiltDerivation, nameOf, type PackageChange } from "@goatnote/nix-store";
import type { Difference } from "./difference.ts";
import type { Rebuild } from "./rebuild.ts";

export interface Facts {
  nix_version: string;
  results: { name: string; store_path: string; derivation: string; nar_sha256: string; nar_size: number }[];
  hermetic: boolean;
  hermetic_reasons: string[];
  /** What the probe could not try, in words; "" when it tried all. */
  not_tried: string;
  fixed_outputs: { name: string; hash: string; urls: string[] }[];
  /** The second build; null where none was asked for. */
  rebuilt: { derivations: string[]; offline: Rebuild["offline"]; network: string } | null;
  closure: { digest: string; size: number; paths: { path: string; nar_size: number }[] };
  difference: Difference;
  built: number;
  substituted: number;
  restored: number;
  build_seconds: number;
  cache: string;
  cache_refused: { file: string; reason: string }[];
  image: { digest: string; layers: number; size: number; tags: string[]; load: string } | null;
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const kb = (bytes: number): string => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : mb(bytes));
const growth = (bytes: number): string => (bytes === 0 ? "same" : `${bytes < 0 ? "−" : "+"}${kb(Math.abs(bytes))}`);

export function summarise(facts: Facts): string {
  const { results, closure, hermetic_reasons: reasons, fixed_outputs: fixed, cache_refused: refused, image } = facts;
  const largest = [...closure.paths].sort((a, b) => b.nar_size - a.nar_size).slice(0, 20);
  return [
    `### ${facts.hermetic ? "Hermetic: nothing found that lets the build see more than its locked inputs" : "Not proven hermetic"}\n`,
    reasons.map((reason) => `- ${prose(reason)}\n`).join(""),
    `\n${facts.built} built, ${facts.substituted} substituted (${facts.restored} of them from the signed cache) in ${seconds(facts.build_seconds)}, by Nix ${plain(facts.nix_version)}.${facts.built === 0 ? " Nothing had to be built." : ""}\n`,
    table(
      ["result", "SHA-256 of the NAR", "size"],
      results.map((each) => [code(each.name), code(each.nar_sha256), mb(each.nar_size)]),
    ),
    image
      ? `\nImage ${code(image.digest)}, ${image.layers} layers, ${mb(image.size)}. Load it with ${code(image.load)}.\n`
      : "",
    `\nThe runtime closure has ${closure.paths.length} paths and ${mb(closure.size)}, digest ${code(closure.digest)}.\n`,
    tellDifference(facts.difference),
    details(
      "The largest paths",
      table(
        ["path", "size"],
        largest.map(({ path, nar_size }) => [code(nameOf(path)), mb(nar_size)]),
      ),
    ),
    fixed.length > 0
      ? details(
          `${fixed.length} downloads, each fixed by its hash`,
          table(
            ["derivation", "hash", "from"],
            fixed.slice(0, 200).map(({ name, hash, urls }) => [code(name), code(hash), code(urls.join(" "))]),
          ),
        )
      : "",
    `\n${prose(facts.cache)}\n`,
    table(
      ["refused from the cache", "reason"],
      refused.slice(0, 50).map(({ file, reason }) => [code(file), prose(reason)]),
    ),
    facts.rebuilt ? `\n${tellRebuilt(facts.rebuilt)}\n` : "",
    `\n**Not checked:** ${facts.not_tried}${facts.rebuilt ? "" : "whether a second build gives the same (`require-hermetic` does, `repro-check` finds causes); "}kernel, processor and number of cores, which no sandbox hides.\n`,
  ].join("");
}

function tellRebuilt({ derivations, offline, network }: NonNullable<Facts["rebuilt"]>): string {
  const again = `Built a second time: ${derivations.length === 0 ? "none" : derivations.map((path) => code(nameOf(path).replace(/\.drv$/, ""))).join(", ")}.`;
  const told = {
    passed: `**Offline:** the second build had no network, cut off by ${code(network)}.`,
    failed: `**Offline:** the second build failed without network, cut off by ${code(network)}.`,
    "not-run": `**Offline:** not run: ${prose(network)}.`,
  };
  return `${again} ${told[offline]}`;
}

const versions = (has: boolean, changed: readonly string[]): string =>
  changed.length > 0 ? changed.map((version) => plain(version || "no version")).join(", ") : has ? "" : "∅";

function tellPackage({ name, removed, added, before, after, growth: bytes }: PackageChange): string[] {
  const what = !before ? "added" : !after ? "removed" : removed.length + added.length > 0 ? "changed" : "size";
  return [code(name), what, versions(before, removed), versions(after, added), growth(bytes)];
}

function tellDifference(difference: Difference): string {
  if ("not_compared" in difference)
    return `\n**Closure against the base:** not compared: ${prose(difference.not_compared)}.\n`;
  const { base, packages, sizeBefore, sizeAfter, rebuilt } = difference;
  const others = rebuilt > 0 ? `; ${rebuilt} more paths have the same versions and sizes and were built otherwise` : "";
  const more = packages.length > 100 ? `; the 100 largest changes of ${packages.length} are shown` : "";
  return `\n**Closure against ${plain(base)}:** ${kb(sizeBefore)} → ${kb(sizeAfter)}, ${growth(sizeAfter - sizeBefore)}${packages.length === 0 ? "; no package was added, removed or changed" : ""}${others}${more}.\n${table(
    ["package", "", "before", "after", "size"],
    packages.length === 0
      ? []
      : [
          ...packages.slice(0, 100).map(tellPackage),
          ["total", "", kb(sizeBefore), kb(sizeAfter), growth(sizeAfter - sizeBefore)],
        ],
  )}`;
}

/** What failed, for the summary. */
export function summariseFailure(message: string, built: readonly BuiltDerivation[]): string {
  const failed = built.filter((each) => each.failed);
  return `### The build failed\n\n${prose(message)}\n${failed
    .map(
      ({ derivation, log }) =>
        `\n${code(nameOf(derivation))}\n\n${table(
          ["last lines"],
          log.slice(-25).map((line) => [code(line)]),
        )}`,
    )
    .join("")}`;
}
