/** Why a build may see more than its locked inputs. Nothing found is the proof; everything that was looked at is in the report. */
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { type Derivation, type FlakeMetadata, lastWords, leakOf, type Nix, nameOf } from "@goatnote/nix-store";
import { probe } from "./probe.ts";

export interface Hermeticity {
  hermetic: boolean;
  /** One sentence each. */
  reasons: string[];
  /** Derivations that may use the network, since their result is fixed by a hash. */
  fixed: { name: string; hash: string; urls: string[] }[];
}

/** What the settings say of the sandbox. */
export function sandboxReasons(nix: Nix): string[] {
  const reasons: string[] = [];
  const { sandbox, "sandbox-fallback": fallback, "sandbox-paths": shown = [] } = nix.settings;
  if (sandbox !== true && sandbox !== "true")
    reasons.push(`The setting \`sandbox\` is \`${String(sandbox)}\`; set it to \`true\` in nix.conf.`);
  else if (fallback === true)
    reasons.push(
      "The setting `sandbox-fallback` is on, so that a build runs without a sandbox where none can be made; set it to `false`.",
    );
  const open = (Array.isArray(shown) ? shown.map(String) : Object.keys(shown as object)).filter(
    (path) => !/^\/bin\/sh(=|$)/.test(path),
  );
  if (open.length > 0) reasons.push(`The setting \`sandbox-paths\` shows builds more of the host: ${open.join(" ")}.`);
  return reasons;
}

/** Programs that take part in every build and that no lock file names. */
function hostReasons(nix: Nix): string[] {
  const { builders, "pre-build-hook": hook } = nix.settings;
  const reasons: string[] = [];
  if (!nix.options.includes("builders") && hasBuilders(String(builders ?? "")))
    reasons.push(
      "The setting `builders` sends builds to other machines, whose sandbox is not known; with `require-hermetic` all is built here.",
    );
  if (hook) reasons.push(`The setting \`pre-build-hook\` runs ${String(hook)} before each build.`);
  return reasons;
}

/** `builders` names a file by default, which few machines have. */
const hasBuilders = (value: string): boolean =>
  value
    .split(/[;\n]/)
    .map((each) => each.trim())
    .filter(Boolean)
    .some((each) => {
      if (!each.startsWith("@")) return true;
      const file = each.slice(1);
      return existsSync(file) && hasBuilders(readFileSync(file, "utf8").replace(/#.*/g, ""));
    });

/** The options of a proof: every build is one of this machine. */
export const atHome = ({ settings }: Nix): string[] => [
  ...["--option", "builders", ""],
  ...(Number(settings["max-jobs"]) === 0 ? ["--option", "max-jobs", "1"] : []),
];

/** What the sources themselves leave open. */
export function sourceReasons(flake: string, { url, revision, dirtyRevision }: FlakeMetadata): string[] {
  const isLocal = /^(\.|\/|\?|path:|git\+file:)/.test(flake);
  if (!isLocal && !/[0-9a-f]{40}|[?&]narHash=/.test(flake))
    return [
      `The flake ${flake} is fetched without a revision, so that each fetch may give another; name its revision.`,
    ];
  return dirtyRevision !== null || (/^(git|hg)\+/.test(url) && revision === null)
    ? ["The checkout has changes that no commit has, so that no revision names what was built; commit them."]
    : [];
}

/** What the graph, the lock file and the settings say. */
export function inspect(nix: Nix, flake: string, metadata: FlakeMetadata, graph: readonly Derivation[]): Hermeticity {
  const reasons = [...sandboxReasons(nix), ...hostReasons(nix), ...sourceReasons(flake, metadata)];
  if (graph.length === 0) reasons.push("No derivation was inspected: neither results, checks nor a shell.");
  for (const { name, narHash, own } of metadata.inputs)
    if (!narHash && !own) reasons.push(`The input \`${name}\` is not locked by a hash; run \`nix flake lock\`.`);
  for (const derivation of graph) {
    const leak = leakOf(derivation);
    if (leak) reasons.push(`${nameOf(derivation.path)} says \`${leak}\`, so that it may see the host.`);
  }
  const fixed = graph.flatMap(({ name, outputs, env, structuredAttrs }) =>
    Object.values(outputs).flatMap(({ hash }) => {
      if (hash === null) return [];
      const urls = structuredAttrs?.urls ?? structuredAttrs?.url ?? env.urls ?? env.url ?? "";
      return [
        { name, hash, urls: (Array.isArray(urls) ? urls.map(String) : String(urls).split(/\s+/)).filter(Boolean) },
      ];
    }),
  );
  return { hermetic: reasons.length === 0, reasons, fixed };
}

/** What the sandbox shows of the host, as reasons. */
export interface Probed {
  reasons: string[];
  /** What could not be tried, in words; "" when all was. */
  untried: string;
}

/** What the sandbox shows of the host, tried. */
export async function probeReasons(nix: Nix, folder: string): Promise<Probed> {
  const result = await probe(nix, folder, hostname());
  if ("unknown" in result)
    return {
      reasons: [`Whether the sandbox hides the host is not known: ${lastWords(result.unknown, 2)}`],
      untried: "",
    };
  return {
    reasons: result.seen.map((what) => `A build sees the ${what} of this machine: the sandbox is not on.`),
    untried: result.hasShell
      ? ""
      : "network and host name by the probe, since this sandbox has no /bin/sh (its files are hidden); ",
  };
}
