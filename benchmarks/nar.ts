/**
 * NAR hashing against `nix hash path`: a tree of 500 MB, the median of runs in turn. Needs `nix` on PATH.
 *
 *   node benchmarks/nar.ts [rounds]
 */
import { execFileSync } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { hashNar } from "@goatnote/nix-store";
import { inFolder, makeTree, median, seconds } from "./nix-data.ts";

const rounds = Number(process.argv[2] ?? 15);

await inFolder("nar-", async (folder) => {
  const tree = join(folder, "tree");
  makeTree(tree);
  const nixHash = (): string =>
    execFileSync("nix", ["hash", "path", "--extra-experimental-features", "nix-command", tree], {
      encoding: "utf8",
    }).trim();
  const { hash, size } = hashNar(tree);
  if (hash !== nixHash()) throw new Error("the hashes differ");
  const [own, theirs]: [number[], number[]] = [[], []];
  for (let i = 0; i < rounds; i++) {
    own.push(await seconds(() => hashNar(tree)));
    theirs.push(await seconds(nixHash));
  }
  const version = execFileSync("nix", ["--version"], { encoding: "utf8" }).trim();
  console.log(`${cpus().length} processors, load ${loadavg()[0]?.toFixed(1)}, ${version}, ${rounds} rounds`);
  console.log(
    `NAR hash of ${(size / 1e6).toFixed(0)} MB: ${median(own).toFixed(2)} s, nix hash path ${median(theirs).toFixed(2)} s, ratio ${(median(theirs) / median(own)).toFixed(2)} (above 1: we are faster); most memory of this process ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`,
  );
});
