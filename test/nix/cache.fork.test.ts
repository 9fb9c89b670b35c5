/** Binary caches that we write and Nix reads, and caches that somebody changed. */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { run } from "@goatnote/action-io";
import {
  addToCache,
  build,
  chainTo,
  checkCache,
  evict,
  type Nix,
  openNix,
  pathInfo,
  readSigningKey,
  type SigningKey,
} from "@goatnote/nix-store";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { describeWithPeer } from "../peers.ts";
import { generations, type Lab, makeLab } from "./lab.ts";

const packages = `packages.\${system} = rec {
  lib = make "lib-1.0" "mkdir $out; echo hello > $out/data";
  default = make "app-2.0" "echo \${lib} > $out";
};`;

const nixCommand = ["--extra-experimental-features", "nix-command"];

describe.each(generations)("%s", (peer) => {
  describeWithPeer(peer, (program) => {
    let lab: Lab;
    let nix: Nix;
    let flake: string;
    let key: SigningKey;
    let secret: string;
    let pristine: string;
    let folder: string;
    let app: string;
    beforeAll(async () => {
      lab = makeLab();
      Object.assign(process.env, lab.environment);
      flake = `path:${lab.flake("flake", packages)}`;
      nix = await openNix(program);
      secret = (await run([program, ...nixCommand, "key", "generate-secret", "--key-name", "lab-1"])).stdout;
      key = readSigningKey(secret);
      const told = await run(
        [program, "key", "convert-secret-to-public", "--extra-experimental-features", "nix-command"],
        { input: secret },
      );
      expect(key.publicKey).toBe(told.stdout.trim());
      app = (await build(nix, [flake])).results[0]!.outputs.out!;
      pristine = join(lab.folder, "pristine");
      await checkCache(pristine, nix.storeDir, []);
      for (const info of await pathInfo(nix, [app], { recursive: true })) await addToCache(pristine, info, key);
    });
    afterAll(() => lab.remove());
    beforeEach(() => {
      folder = join(lab.folder, "cache");
      rmSync(folder, { recursive: true, force: true });
      cpSync(pristine, folder, { recursive: true });
    });

    /** Builds in a store that has nothing, with the cache as its only source. */
    async function buildElsewhere() {
      for (const name of ["store", "state"]) {
        await run(["chmod", "-R", "u+w", join(lab.folder, name)], { check: false });
        rmSync(join(lab.folder, name), { recursive: true, force: true });
      }
      const options = [
        "--option",
        "extra-substituters",
        `file://${folder}`,
        "--option",
        "extra-trusted-public-keys",
        key.publicKey,
      ];
      return build({ ...nix, options }, [flake]);
    }

    test("Nix takes everything from it and builds nothing", async () => {
      const { paths, refused } = await checkCache(folder, nix.storeDir, [key.publicKey]);
      expect([paths.length, refused]).toEqual([
        readdirSync(folder).filter((name) => name.endsWith(".narinfo")).length,
        [],
      ]);
      const again = await buildElsewhere();
      expect([again.errors, again.built]).toEqual([[], []]);
      expect(again.substituted).toEqual(expect.arrayContaining([{ path: app, from: `file://${folder}` }]));
      expect(again.results[0]?.outputs.out).toBe(app);
    });

    test("what another key signed is refused, by us and by Nix", async () => {
      const other = await run([
        program,
        "key",
        "generate-secret",
        "--key-name",
        "lab-1",
        "--extra-experimental-features",
        "nix-command",
      ]);
      const wrong = readSigningKey(other.stdout);
      const [info] = await pathInfo(nix, [app]);
      await addToCache(folder, info!, wrong);
      expect((await buildElsewhere()).built.map(({ derivation }) => derivation.slice(-11))).toEqual(["app-2.0.drv"]);
      const { refused } = await checkCache(folder, nix.storeDir, [key.publicKey]);
      expect(refused.map(({ reason }) => reason)).toEqual(["no trusted key signed it"]);
    });

    const narinfo = (): string => join(folder, `${app.slice(nix.storeDir.length + 1).slice(0, 32)}.narinfo`);
    const archive = (): string => join(folder, /URL: (.*)/.exec(readFileSync(narinfo(), "utf8"))![1]!);
    test.each<[string, () => void, RegExp]>([
      [
        "a forged hash",
        () => edit(narinfo(), /NarHash: .*/, `NarHash: sha256:${"0".repeat(52)}`),
        /no trusted key|elsewhere/,
      ],
      ["a forged reference", () => edit(narinfo(), /References: .*/, "References: "), /no trusted key/],
      ["a flipped byte", () => flip(archive()), /other bytes/],
      ["a truncated archive", () => truncateSync(archive(), 100), /100 bytes/],
      ["a missing archive", () => rmSync(archive()), /missing/],
      ["a narinfo under the name of another", () => swap(narinfo()), /names another path/],
      ["an archive outside of the folder", () => edit(narinfo(), /URL: .*/, "URL: ../../etc/passwd"), /elsewhere/],
      ["a truncated narinfo", () => truncateSync(narinfo(), 60), /has no/],
    ])("%s is refused, and the build makes it again", async (_, spoil, reason) => {
      spoil();
      const { refused } = await checkCache(folder, nix.storeDir, [key.publicKey]);
      expect(refused.map((each) => each.reason)).toEqual([expect.stringMatching(reason)]);
      const again = await buildElsewhere();
      expect([again.errors, again.results[0]?.outputs.out]).toEqual([[], app]);
      expect(again.built).toHaveLength(1);
    });

    function swap(file: string): void {
      const other = readdirSync(folder).find((name) => name.endsWith(".narinfo") && !file.endsWith(name))!;
      cpSync(join(folder, other), file);
    }

    test("the least recently used goes first, with what refers to it", async () => {
      const { paths } = await checkCache(folder, nix.storeDir, [key.publicKey]);
      const dated = paths.map((info) => ({ ...info, used: info.path.includes("-lib-") ? 1 : 2 }));
      const removed = await evict(folder, dated, paths.reduce((sum, { narSize }) => sum + narSize, 0) - 1);
      expect(removed.map((path) => path.slice(-7)).sort()).toEqual(["app-2.0", "lib-1.0"]);
      expect((await checkCache(folder, nix.storeDir, [key.publicKey])).refused).toEqual([]);
    });

    test("killed in the middle of an addition: nothing half-written is named, and the next one is unharmed", async () => {
      const big = join(lab.folder, "big");
      writeFileSync(big, Buffer.alloc(100_000_000, "big"));
      const path = (await run([nix.program, ...nixCommand, "store", "add-file", big])).stdout.trim();
      const [info] = await pathInfo(nix, [path]);
      const script = `import { addToCache, readSigningKey } from "@goatnote/nix-store";
        await addToCache(...${JSON.stringify([folder, info])}, readSigningKey(process.env.KEY));`;
      const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
        env: { ...process.env, KEY: secret },
        stdio: "ignore",
      });
      const unfinished = join(folder, `nar/unfinished-${child.pid}`);
      const killed = new Promise((resolve) => child.on("exit", (_, signal) => resolve(signal)));
      while (!existsSync(unfinished) && child.exitCode === null) await setTimeout(1);
      child.kill("SIGKILL");
      expect([await killed, existsSync(unfinished)]).toEqual(["SIGKILL", true]);
      const before = (await checkCache(pristine, nix.storeDir, [key.publicKey])).paths.map((each) => each.path);
      const { paths, refused } = await checkCache(folder, nix.storeDir, [key.publicKey]);
      expect([paths.map((each) => each.path), refused, existsSync(unfinished)]).toEqual([before, [], false]);
      await addToCache(folder, info!, key);
      expect((await checkCache(folder, nix.storeDir, [key.publicKey])).paths).toHaveLength(before.length + 1);
    });

    test.runIf(process.getuid?.() === 0)("a full disk is told, and leaves nothing half-written", async () => {
      const small = join(lab.folder, "small");
      mkdirSync(small);
      await run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small]);
      try {
        await checkCache(small, nix.storeDir, []);
        const big = join(lab.folder, "two-megabytes");
        writeFileSync(big, Buffer.alloc(2_000_000, "x"));
        const path = (await run([nix.program, ...nixCommand, "store", "add-file", big])).stdout.trim();
        const [info] = await pathInfo(nix, [path]);
        await expect(addToCache(small, info!, key)).rejects.toThrow(/The disk is full.*cache-max-size/);
        expect(readdirSync(join(small, "nar"))).toEqual([]);
      } finally {
        await run(["umount", small]);
      }
    });

    test("the chain of references is Nix's", async () => {
      const closure = await pathInfo(nix, [app], { recursive: true });
      const lib = closure.find(({ path }) => path.includes("-lib-"))!.path;
      expect(chainTo(closure, app, lib)).toEqual([app, lib]);
      expect(chainTo(closure, lib, app)).toEqual([]);
    });
  });
});

function edit(file: string, from: RegExp, to: string): void {
  const text = readFileSync(file, "utf8");
  expect(text).toMatch(from);
  writeFileSync(file, text.replace(from, to));
}

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
}
