/** Binary caches that we write and Nix reads, and caches that somebody changed. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { run } from "@goatnote/action-io";
import {
  build,
  chainTo,
  evict,
  type Nix,
  openNix,
  type PathInfo,
  packCache,
  pathInfo,
  readSigningKey,
  type SigningKey,
  signedBy,
  unpackCache,
} from "@goatnote/nix-store";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { describeWithPeer } from "../peers.ts";
import { type Part, readEntry, writeEntry } from "./entry.ts";
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
    let entry: string;
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
      await pack(pristine, await pathInfo(nix, [app], { recursive: true }));
    });
    afterAll(() => lab.remove());
    beforeEach(() => {
      [folder, entry] = [join(lab.folder, "cache"), join(lab.folder, "entry")];
      rmSync(folder, { recursive: true, force: true });
      cpSync(pristine, entry);
    });

    const pack = (file: string, infos: readonly PathInfo[], signer = key) =>
      packCache(
        file,
        infos.map((info) => ({ ...signedBy(info, signer), used: Date.now() })),
      );
    const unpack = () => unpackCache(entry, folder, nix.storeDir, [key.publicKey], 1e9);

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
      const { paths, refused } = await unpack();
      const closure = await pathInfo(nix, [app], { recursive: true });
      expect([paths.map(({ path }) => path).sort(), refused]).toEqual([closure.map(({ path }) => path), []]);
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
      await pack(entry, await pathInfo(nix, [app], { recursive: true }), wrong);
      const { paths, refused } = await unpack();
      expect([paths, new Set(refused.map(({ reason }) => reason))]).toEqual([
        [],
        new Set(["no trusted key signed it"]),
      ]);
      // Even of who trusts the other key here, Nix takes nothing.
      rmSync(folder, { recursive: true });
      expect((await unpackCache(entry, folder, nix.storeDir, [wrong.publicKey], 1e9)).refused).toEqual([]);
      const built = (await buildElsewhere()).built.map(({ derivation }) => derivation.slice(-11));
      expect(built.sort()).toEqual(["app-2.0.drv", "lib-1.0.drv"]);
    });

    const edit = (part: Part, from: RegExp, to: string): void => {
      expect(part.text).toMatch(from);
      part.text = part.text.replace(from, to);
    };
    const named = (parts: Part[], name: string): Part =>
      parts.find(({ text }) => text.startsWith("StorePath: ") && text.split("\n", 1)[0]!.endsWith(`-${name}`))!;
    type Spoil = (one: Part, other: Part) => unknown;
    test.each<[string, Spoil, RegExp]>([
      ["a forged hash", (one) => edit(one, /NarHash: .*/, `NarHash: sha256:${"0".repeat(52)}`), /no trusted key/],
      ["a forged reference", (one) => edit(one, /References: .*/, "References: "), /no trusted key/],
      [
        "a forged path",
        (one) => edit(one, /(StorePath: .*\/)./, /^StorePath: .*\/z/.test(one.text) ? "$1y" : "$1z"),
        /no trusted key/,
      ],
      ["a flipped byte", ({ archive }) => archive.writeUInt8(archive.readUInt8(100) ^ 1, 100), /other bytes/],
      ["a truncated archive", (one) => Object.assign(one, { archive: one.archive.subarray(0, 100) }), /100 bytes/],
      [
        "an archive with more than was signed",
        (one) => Object.assign(one, { archive: Buffer.concat([one.archive, Buffer.alloc(8)]) }),
        /not \d+/,
      ],
      ["a missing archive", (one) => Object.assign(one, { archive: Buffer.alloc(0) }), /missing/],
      ["the narinfo of another", (one, { text }) => Object.assign(one, { text }), /twice|bytes/],
      ["an archive outside of the folder", (one) => edit(one, /URL: .*/, "URL: ../../etc/passwd"), /elsewhere/],
      ["a truncated narinfo", (one) => Object.assign(one, { text: one.text.slice(0, 60) }), /has no/],
    ])("%s is refused, and the build makes it again", async (_, spoil, reason) => {
      const parts = readEntry(entry);
      const count = parts.length;
      spoil(named(parts, "app-2.0"), named(parts, "lib-1.0"));
      writeEntry(entry, parts);
      const { paths, refused } = await unpack();
      expect(refused.map((each) => each.reason)).toEqual([expect.stringMatching(reason)]);
      expect(paths).toHaveLength(count - 1);
      const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.nar/.test(name));
      expect(files).toHaveLength(2 * (count - 1));
      const again = await buildElsewhere();
      expect([again.errors, again.results[0]?.outputs.out]).toEqual([[], app]);
      expect(again.built).toHaveLength(1);
    });

    test("swapped archives are refused, and the build makes both again", async () => {
      const parts = readEntry(entry);
      const [one, other] = [named(parts, "app-2.0"), named(parts, "lib-1.0")];
      [one.archive, other.archive] = [other.archive, one.archive];
      writeEntry(entry, parts);
      expect((await unpack()).refused).toHaveLength(2);
      const again = await buildElsewhere();
      expect([again.errors, again.built.length, again.results[0]?.outputs.out]).toEqual([[], 2, app]);
    });

    test("the least recently used goes first, with what refers to it", async () => {
      const { paths } = await unpack();
      const dated = paths.map((info) => ({ ...info, used: info.path.includes("-lib-") ? 1 : 2 }));
      const total = paths.reduce((sum, { narSize }) => sum + narSize, 0);
      const kept = evict(dated, total - 1);
      const removed = dated.filter((info) => !kept.includes(info)).map(({ path }) => path.slice(-7));
      expect(removed.sort()).toEqual(["app-2.0", "lib-1.0"]);
      expect(evict(dated, total)).toEqual(dated);
    });

    /** An object of the store, of so many bytes. */
    async function big(size: number): Promise<PathInfo> {
      const file = join(lab.folder, `big-${size}`);
      // No two pieces alike, so that it stays large when it is compressed.
      if (!existsSync(file)) writeFileSync(file, randomBytes(size));
      const path = (await run([nix.program, ...nixCommand, "store", "add-file", file])).stdout.trim();
      return (await pathInfo(nix, [path]))[0]!;
    }

    test("several archives of many blocks come back whole", async () => {
      const infos = [
        ...(await pathInfo(nix, [app], { recursive: true })),
        await big(70_000_000),
        await big(40_000_001),
      ];
      await pack(entry, infos);
      const { paths, refused } = await unpack();
      expect([paths.map(({ path }) => path).sort(), refused]).toEqual([infos.map(({ path }) => path).sort(), []]);
      expect(statSync(entry).size).toBeGreaterThan(110_000_000);
    });

    test("killed while it is written: the half is refused, and the next one is unharmed", async () => {
      const info = await big(70_000_000);
      const script = `import { packCache, readSigningKey, signedBy } from "@goatnote/nix-store";
        const [file, info] = ${JSON.stringify([entry, info])};
        await packCache(file, [{ ...signedBy(info, readSigningKey(process.env.KEY)), used: 1 }]);`;
      rmSync(entry);
      const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
        env: { ...process.env, KEY: secret },
        stdio: "ignore",
      });
      const killed = new Promise((resolve) => child.on("exit", (_, signal) => resolve(signal)));
      while (!(existsSync(entry) && statSync(entry).size > 0) && child.exitCode === null) await setTimeout(1);
      child.kill("SIGKILL");
      expect([await killed, existsSync(entry)]).toEqual(["SIGKILL", true]);
      await expect(unpack()).rejects.toThrow(/truncated/);
      expect(existsSync(folder)).toBe(false);
      await pack(entry, [info]);
      expect((await unpack()).paths.map(({ path }) => path)).toEqual([info.path]);
    });

    test.runIf(process.getuid?.() === 0)("a full disk is told, and leaves nothing half-written", async () => {
      const small = join(lab.folder, "small");
      mkdirSync(small);
      await run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small]);
      try {
        await expect(pack(join(small, "entry"), [await big(2_000_000)])).rejects.toThrow(
          /The disk is full.*cache-max-size/,
        );
        expect(readdirSync(small)).toEqual([]);
        await pack(entry, [await big(2_000_000)]);
        const there = unpackCache(entry, join(small, "cache"), nix.storeDir, [key.publicKey], 1e9);
        await expect(there).rejects.toThrow(/The disk is full.*cache-max-size/);
        expect(readdirSync(small)).toEqual([]);
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
