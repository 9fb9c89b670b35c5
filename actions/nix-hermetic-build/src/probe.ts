/** Asks the sandbox itself: a derivation that looks for the host. Settings may say one thing and a daemon do another. */
import { randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build, type Nix } from "@goatnote/nix-store";

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
): Promise<{ seen: string[] } | { unknown: string }> {
  const marker = join(folder, `marker-${randomBytes(8).toString("hex")}`);
  await writeFile(marker, "");
  const text = (value: string): string => JSON.stringify(value).replaceAll("${", "\\${");
  const expression = `derivation {
    name = "sandbox-probe"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" ${text(script)} ];
    marker = ${text(marker)}; ours = ${text(hostname)}; preferLocalBuild = true; allowSubstitutes = false; }`;
  try {
    const made = await build(nix, [], () => {}, {
      args: ["--impure", "--expr", expression, "--option", "builders", ""],
    });
    const path = made.results[0]?.outputs.out;
    if (!path) return { unknown: made.errors[0] ?? "the probe did not build" };
    return {
      seen:
        /^seen:(.*)$/m
          .exec(await readFile(path, "utf8"))?.[1]
          ?.split(" ")
          .filter(Boolean) ?? [],
    };
  } finally {
    await rm(marker, { force: true });
  }
}
