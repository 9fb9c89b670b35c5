/**
 * The signed cache of nix-hermetic-build, saved and restored as the action does it, against a tarball of the store as the
 * client of the Actions cache makes it (`tar --posix -P`, `zstdmt`, which is zstd's default level on all processors), and once
 * more with `--long=30`, the longest window: the same data, the same page cache, rounds in turn, medians. The data: the packages of this clone's
 * node_modules, each as a store object, or 500 MB of made-up files in 80 objects.
 * A tarball is a store when it is unpacked; what Nix takes from the restored cache, which is what a build needs, is not measured.
 * Needs `nix`, `tar` and `zstd` on PATH.
 *
 *   node benchmarks/nix-cache.ts [packages|made-up] [rounds]
 */
import { execFileSync } from "node:child_process";
import { readdirSync, rmSync, statSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import {
  openNix,
  type PackedPath,
  packCache,
  pathInfo,
  readCache,
  readSigningKey,
  signedBy,
  unpackCache,
} from "@goatnote/nix-store";
import { inFolder, makeTree, median, seconds } from "./nix-data.ts";

const data = process.argv[2] ?? "packages";
const rounds = Number(process.argv[3] ?? 5);

/** Folders that become store objects, by their name there. */
function* objects(folder: string): Generator<[string, string]> {
  if (data === "made-up") {
    makeTree(join(folder, "tree"));
    for (const name of readdirSync(join(folder, "tree"))) yield [name, join(folder, "tree", name)];
    return;
  }
  const modules = join(import.meta.dirname, "../node_modules");
  for (const name of readdirSync(modules)) {
    if (name.startsWith(".")) continue;
    for (const below of name.startsWith("@")
      ? readdirSync(join(modules, name)).map((each) => join(name, each))
      : [name])
      if (!statSync(join(modules, below)).isFile() && !below.startsWith("@goatnote"))
        yield [below.replace("@", "").replace("/", "-"), join(modules, below)];
  }
}

await inFolder("nix-cache-", async (folder) => {
  const store = join(folder, "nix/store");
  Object.assign(process.env, {
    NIX_STORE_DIR: store,
    NIX_STATE_DIR: join(folder, "state"),
    NIX_LOG_DIR: join(folder, "log"),
    NIX_CONF_DIR: folder,
    NIX_REMOTE: "",
    NIX_CONFIG: "build-users-group =",
  });
  const nix = await openNix("nix", ["--option", "substituters", ""]);
  const command = (...args: string[]): string =>
    execFileSync("nix", [...args, "--extra-experimental-features", "nix-command"], { encoding: "utf8" });
  for (const [name, at] of objects(folder)) command("store", "add-path", "--name", name, at);
  rmSync(join(folder, "tree"), { recursive: true, force: true });
  const infos = await pathInfo(nix, ["--all"]);
  const key = readSigningKey(command("key", "generate-secret", "--key-name", "bench-1"));

  // As the client of the Actions cache calls them.
  const tar = (zstd: string, to: string, from: string): void =>
    void execFileSync("tar", ["--posix", "-cf", to, "-P", "-C", folder, "--use-compress-program", zstd, from]);
  const untar = (zstd: string, from: string, to: string): void =>
    void execFileSync("sh", ["-c", `exec tar -xf "$1" -P -C "$2" --use-compress-program "$0"`, zstd, from, to]);
  const [packed, restored, plain] = ["packed", "restored", "plain"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const clean = (): void => {
    for (const old of [restored, plain]) {
      execFileSync("chmod", ["-Rf", "u+w", folder]);
      rmSync(old, { recursive: true, force: true });
    }
    execFileSync("mkdir", [plain]);
  };

  const own = join(folder, "own.tzst");
  async function ours(): Promise<[number, number]> {
    clean();
    const save = await seconds(async () => {
      await readCache(restored, store, [key.publicKey]);
      await packCache(
        packed,
        infos.map((info): PackedPath => ({ ...signedBy(info, key), used: Date.now() })),
      );
      tar("zstdmt", own, "packed");
      rmSync(packed);
    });
    const restore = await seconds(async () => {
      execFileSync("sh", ["-c", `exec tar -O -xf "$0" -P --use-compress-program unzstd > "$1"`, own, packed]);
      const { paths, refused } = await unpackCache(packed, restored, store, [key.publicKey], 1e10);
      rmSync(packed);
      if (refused.length > 0 || paths.length !== infos.length) throw new Error("refused");
    });
    return [save, restore];
  }
  async function tarball(options: string): Promise<[number, number]> {
    clean();
    const file = join(folder, `store${options.replace(" ", "")}.tzst`);
    return [
      await seconds(() => tar(`zstdmt${options}`, file, "nix/store")),
      await seconds(() => untar(`unzstd${options}`, file, plain)),
    ];
  }

  const ways: { name: string; file: string; run: () => Promise<[number, number]>; times: [number, number][] }[] = [
    { name: "signed cache", file: own, run: ours, times: [] },
    ...["", " --long=30"].map((options) => ({
      name: `tar | zstdmt${options}`,
      file: join(folder, `store${options.replace(" ", "")}.tzst`),
      run: () => tarball(options),
      times: [],
    })),
  ];
  for (let i = 0; i < rounds; i++)
    for (const { name, times, run } of ways) {
      const [save, restore] = await run();
      times.push([save, restore]);
      console.error(`round ${i + 1}, ${name}: save ${save.toFixed(2)} s, restore ${restore.toFixed(2)} s`);
    }

  const size = infos.reduce((sum, { narSize }) => sum + narSize, 0);
  console.log(
    `${data}: ${infos.length} objects, ${(size / 1e6).toFixed(0)} MB of NARs; ${cpus().length} processors, load ${loadavg()[0]?.toFixed(1)}, Nix ${nix.version}, ${rounds} rounds`,
  );
  const found = ways.map(({ name, file, times }) => {
    const [save, restore, both] = [0, 1, 2].map((which) =>
      median(times.map(([a, b]) => [a, b, a + b][which] as number)),
    ) as [number, number, number];
    const bytes = statSync(file).size;
    console.log(
      `${name}: save ${save.toFixed(2)} s, restore ${restore.toFixed(2)} s, both ${both.toFixed(2)} s, ${(bytes / 1e6).toFixed(2)} MB`,
    );
    return { name, both, bytes };
  });
  const [first, ...peers] = found;
  for (const { name, both, bytes } of peers)
    console.log(
      `against ${name}: speed ${(both / first!.both).toFixed(2)}, bytes ${(bytes / first!.bytes).toFixed(3)} (above 1: the signed cache is better)`,
    );
});
