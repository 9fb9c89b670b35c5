/**
 * NAR hashing against `nix hash path` on a tree of 500 MB, and the signed cache, saved and restored as the action does it,
 * against a tarball of the store, both compressed by the same zstd. Needs `nix` and `zstd` on PATH.
 *
 *   node benchmarks/nar.ts
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import {
  addToCache,
  checkCache,
  hashNar,
  openNix,
  packCache,
  pathInfo,
  readSigningKey,
  unpackCache,
} from "@goatnote/nix-store";

const folder = mkdtempSync(join(tmpdir(), "nar-"));
const seconds = async (work: () => unknown): Promise<number> => {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
};
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

/** 500 MB in 8,000 files of many sizes, half of them text. */
function makeTree(at: string): void {
  const noise = randomBytes(1 << 20);
  for (let i = 0; i < 8000; i++) {
    const below = join(at, `d${i % 80}`);
    mkdirSync(below, { recursive: true });
    const size = i % 100 === 0 ? 4_000_000 : 22_600;
    const start = (i * 7919) % (noise.length - 22_600);
    writeFileSync(
      join(below, `f${i}`),
      i % 2
        ? `line ${i} of a text\n`.repeat(Math.ceil(size / 20)).slice(0, size)
        : Buffer.alloc(size, noise.subarray(start, start + 22_600)),
    );
  }
}

try {
  const tree = join(folder, "tree");
  makeTree(tree);
  const nixHash = (): string =>
    execFileSync("nix", ["hash", "path", "--extra-experimental-features", "nix-command", tree], {
      encoding: "utf8",
    }).trim();
  const { hash, size } = hashNar(tree);
  if (hash !== nixHash()) throw new Error("the hashes differ");
  const [own, theirs]: [number[], number[]] = [[], []];
  for (let i = 0; i < 5; i++) {
    own.push(await seconds(() => hashNar(tree)));
    theirs.push(await seconds(nixHash));
  }
  const version = execFileSync("nix", ["--version"], { encoding: "utf8" }).trim();
  console.log(`${cpus().length} processors, load ${loadavg()[0]?.toFixed(1)}, ${version}`);
  console.log(
    `NAR hash of ${(size / 1e6).toFixed(0)} MB: ${median(own).toFixed(2)} s, nix hash path ${median(theirs).toFixed(2)} s, ratio ${(median(theirs) / median(own)).toFixed(2)} (above 1: we are faster); most memory of this process ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`,
  );

  const store = join(folder, "nix/store");
  Object.assign(process.env, {
    NIX_STORE_DIR: store,
    NIX_STATE_DIR: join(folder, "state"),
    NIX_LOG_DIR: join(folder, "log"),
    NIX_REMOTE: "",
  });
  const nix = await openNix("nix", ["--option", "substituters", ""]);
  for (let i = 0; i < 80; i++) execFileSync("nix-store", ["--add", join(tree, `d${i}`)]);
  const infos = await pathInfo(nix, ["--all"]);
  const key = readSigningKey(
    execFileSync(
      "nix",
      ["key", "generate-secret", "--key-name", "bench-1", "--extra-experimental-features", "nix-command"],
      { encoding: "utf8" },
    ),
  );
  const [cache, packed, restored] = [join(folder, "cache"), join(folder, "packed"), join(folder, "restored")];
  const tar = (from: string, to: string): void =>
    void execFileSync("tar", ["-c", "--use-compress-program", "zstd -T0 -q", "-f", to, "-C", folder, from]);
  const untar = (from: string, to: string): void => {
    mkdirSync(to, { recursive: true });
    execFileSync("tar", ["-x", "--use-compress-program", "zstd -d -q", "-f", from, "-C", to]);
  };
  const rounds: Record<"save" | "restore" | "tarSave" | "tarRestore", number[]> = {
    save: [],
    restore: [],
    tarSave: [],
    tarRestore: [],
  };
  const archives = [join(folder, "cache.tzst"), join(folder, "store.tzst")] as const;
  for (let i = 0; i < 3; i++) {
    for (const old of [cache, restored, join(folder, "plain")]) {
      execFileSync("chmod", ["-Rf", "u+w", folder]);
      rmSync(old, { recursive: true, force: true });
    }
    rounds.save.push(
      await seconds(async () => {
        await checkCache(cache, store, [key.publicKey]);
        for (const info of infos) await addToCache(cache, info, key);
        await packCache(cache, packed);
        tar("packed", archives[0]);
        rmSync(packed);
      }),
    );
    rounds.tarSave.push(await seconds(() => tar("nix/store", archives[1])));
    rounds.restore.push(
      await seconds(async () => {
        untar(archives[0], folder);
        const digests = await unpackCache(packed, restored);
        rmSync(packed);
        const { refused } = await checkCache(restored, store, [key.publicKey], { digests });
        if (refused.length > 0) throw new Error("refused");
      }),
    );
    rounds.tarRestore.push(await seconds(() => untar(archives[1], join(folder, "plain"))));
  }
  const [save, restore, tarSave, tarRestore] = [rounds.save, rounds.restore, rounds.tarSave, rounds.tarRestore].map(
    median,
  ) as [number, number, number, number];
  const [bytes, tarBytes] = archives.map((file) => statSync(file).size) as [number, number];
  console.log(
    `signed cache: save ${save.toFixed(1)} s, restore and check ${restore.toFixed(1)} s, ${(bytes / 1e6).toFixed(1)} MB; tarball of the store: ${tarSave.toFixed(1)} s, ${tarRestore.toFixed(1)} s, ${(tarBytes / 1e6).toFixed(1)} MB`,
  );
  console.log(
    `ratios, above 1 the cache is better: time ${((tarSave + tarRestore) / (save + restore)).toFixed(2)}, bytes ${(tarBytes / bytes).toFixed(3)}`,
  );
} finally {
  execFileSync("chmod", ["-Rf", "u+w", folder]);
  rmSync(folder, { recursive: true, force: true });
}
