/** Nix without a network: in a network namespace of its own, which has neither an interface that is up nor a route. */
import { accessSync, constants } from "node:fs";
import { run } from "@goatnote/action-io";
import { flagsOf, lastWords, type Nix } from "@goatnote/nix-store";

/** How Nix is started without a network, or why that was not tried. */
export type Cut = { wrap: string[]; args: string[] } | { notRun: string };

/**
 * The namespace holds what Nix starts in its own process. A daemon builds outside of it, so the store is opened without it.
 */
export async function cutNetwork(nix: Nix, environment: NodeJS.ProcessEnv = process.env): Promise<Cut> {
  if (process.platform !== "linux") return { notRun: `${process.platform} has no network namespaces` };
  const store = environment.NIX_REMOTE || String(nix.settings.store ?? "") || "auto";
  const own = /^(local\b|\/)/.test(store);
  if (!own && !/^(auto|daemon|unix:.*)$/.test(store)) return { notRun: `the store ${store} builds elsewhere` };
  const args = own ? [] : ["--store", "local"];
  let why = "";
  for (const wrap of ways(nix, environment)) {
    why = await trouble(nix, wrap, args);
    if (why === "") return { wrap, args };
  }
  return { notRun: why };
}

/** From the least that is needed. `sudo` is for who asks a daemon, whose store only root may write. */
function ways(nix: Nix, environment: NodeJS.ProcessEnv): string[][] {
  if (process.getuid?.() === 0) return [["unshare", "--net"]];
  const kept = Object.keys(environment).filter((name) => /^(NIX_\w+|PATH|XDG_CACHE_HOME)$/.test(name));
  return [
    ...(isWritable(nix) ? [["unshare", "--user", "--map-current-user", "--net"]] : []),
    ["sudo", "--non-interactive", `--preserve-env=${kept.join(",")}`, "unshare", "--net"],
  ];
}

function isWritable({ storeDir }: Nix): boolean {
  try {
    accessSync(storeDir, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether it is what it says, tried: no address, no route, and a store that opens. */
async function trouble(nix: Nix, wrap: string[], args: string[]): Promise<string> {
  const [program = "", ...first] = wrap;
  const attempt = (argv: string[]) =>
    run([program, ...first, ...argv], { check: false }).catch((error: Error) => ({
      code: 1,
      stdout: "",
      stderr: error.message,
    }));
  const seen = await attempt(["sh", "-c", "cat /proc/net/route /proc/net/if_inet6 && echo end"]);
  if (seen.code !== 0 || !seen.stdout.endsWith("end\n"))
    return `\`${program}\` failed: ${lastWords(seen.stderr, 1) || "it said nothing"}`;
  const lines = seen.stdout.split("\n").filter((line) => line !== "" && line !== "end" && !line.startsWith("Iface"));
  if (lines.length > 0) return `below \`${program}\` there still is a network`;
  const opened = await attempt([nix.program, "store", "ping", ...args, ...flagsOf(nix)]);
  return opened.code === 0 ? "" : `below \`${program}\` Nix could not open the store: ${lastWords(opened.stderr, 1)}`;
}
