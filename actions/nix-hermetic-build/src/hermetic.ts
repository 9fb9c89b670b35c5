/** Why a build may see more than its locked inputs. Nothing found is the proof; everything that was looked at is in the report. */
import { hostname } from "node:os";
import { call, type Derivation, type FlakeMetadata, lastWords, leakOf, type Nix, nameOf } from "@goatnote/nix-store";
import { probe } from "./probe.ts";

export interface Hermeticity {
  hermetic: boolean;
  /** One sentence each. */
  reasons: string[];
  /** Derivations that may use the network, since their result is fixed by a hash. */
  fixed: { name: string; hash: string; urls: string[] }[];
}

/** What the graph, the lock file and the settings say. */
export function inspect(nix: Nix, metadata: FlakeMetadata, graph: readonly Derivation[]): Hermeticity {
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

/** What the sandbox shows of the host, tried. */
export async function probeReasons(nix: Nix, folder: string): Promise<{ reasons: string[]; untried: string }> {
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

/** Builds results once more, without substituters, and compares: what reads the clock or another thing that changes differs. */
export async function rebuildReasons(nix: Nix, derivations: readonly Derivation[]): Promise<string[]> {
  const reasons: string[] = [];
  for (const { path } of derivations) {
    const installable = nix.version.startsWith("2.8.") ? path : `${path}^*`;
    const { code, stderr } = await call(
      nix,
      ["build", "--no-link", "--rebuild", "--option", "substitute", "false", installable],
      { check: false },
    );
    if (code === 0) continue;
    const differs = /may not be deterministic/.test(stderr);
    reasons.push(
      differs
        ? `${nameOf(path)} differs when it is built again: it reads the clock or another thing that changes. repro-check finds what.`
        : `${nameOf(path)} could not be built again: ${lastWords(stderr, 2)}`,
    );
  }
  return reasons;
}
