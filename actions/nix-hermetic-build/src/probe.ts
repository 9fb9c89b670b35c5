/** Asks the sandbox itself: a derivation that looks for the host. Settings may say one thing and a daemon do another. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Nix, nixString } from "@goatnote/nix-store";

// Only what the shell itself can do: the sandbox has no other program.
const script = `
seen=""
[ ! -e "$marker" ] || seen="$seen files"
while read -r name _; do
  case "$name" in lo:*|Inter*|face*|*"|"*|"") ;; *:*) seen="$seen network";; esac
done < /proc/net/dev
read -r host < /proc/sys/kernel/hostname
[ "$host" != "$ours" ] || [ "$host" = localhost ] || seen="$seen hostname"
echo "seen:$seen" > $out
`;

/**
 * @param folder a folder that no build should see
 * @returns what a build can see of the host, in words; or why that is not known
 */
export async function probe(
  nix: Nix,
  folder: string,
  hostname: string,
): Promise<{ seen: string[]; hasShell: boolean } | { unknown: string }> {
  const marker = join(folder, `marker-${randomBytes(8).toString("hex")}`);
  await writeFile(marker, "");
  const expression = `derivation {
    name = "sandbox-probe"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" ${nixString(script)} ];
    marker = ${nixString(marker)}; ours = ${nixString(hostname)}; preferLocalBuild = true; allowSubstitutes = false; }`;
  try {
    const made = await build(nix, [], () => {}, {
      args: ["--impure", "--expr", expression, "--option", "builders", ""],
    });
    const path = made.results[0]?.outputs.out;
    if (path) {
      const words = /^seen:(.*)$/m.exec(await readFile(path, "utf8"))?.[1] ?? "";
      return { seen: words.split(" ").filter(Boolean), hasShell: true };
    }
    // Some sandboxes have no /bin/sh at all. The machine has one, and there the script cannot fail: it was not to be seen.
    const noShell =
      made.built.some(({ failed, log }) => failed && log.length === 0) && /exit code 1\b/.test(made.errors.join("\n"));
    if (noShell && existsSync("/bin/sh")) return { seen: [], hasShell: false };
    return { unknown: made.errors[0] ?? "the probe did not build" };
  } finally {
    await rm(marker, { force: true });
  }
}
