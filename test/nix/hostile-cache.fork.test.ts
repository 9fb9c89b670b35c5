/** Entries and folders of the cache that an attacker wrote: what they lead to outside stays as it is, and nothing hangs. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import {
  ChangedContent,
  hashNar,
  isOfItsContent,
  type KnownPath,
  packCache,
  parseNarinfo,
  readCache,
  readSigningKey,
  signedBy,
  unpackCache,
} from "@goatnote/nix-store";
import { startBackend } from "@goatnote/rehearsal";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { mayBeSigned, pack } from "../../actions/nix-hermetic-build/src/cache.ts";
import { fetchEntry } from "../../actions/nix-hermetic-build/src/entry.ts";
import { describeWithPeer } from "../peers.ts";
import { type Part, plain, plainOf, readEntry, writeEntry } from "./entry.ts";
import { makeLab } from "./lab.ts";

// Of RFC 8032, 7.1, test 1.
const key = readSigningKey(
  `lab-1:${Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "hex").toString("base64")}`,
);
let home: string;
let cache: string;
let victim: string;
let info: KnownPath;
const storeDir = (): string => join(home, "store");
const file = (): string => join(home, "packed");
const unpack = (to: string, limit = 1e6) => unpackCache(file(), to, storeDir(), [key.publicKey], limit);
const narinfo = (): string => join(cache, `${"a".repeat(32)}.narinfo`);

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "hostile-"));
  [cache, victim] = [join(home, "cache"), join(home, "victim")];
  for (const folder of [victim, storeDir()]) mkdirSync(folder);
  writeFileSync(join(victim, "file"), "untouched");
  const path = join(storeDir(), `${"a".repeat(32)}-object`);
  writeFileSync(path, "content");
  const { hash, size } = hashNar(path);
  const deriver = join(storeDir(), `${"b".repeat(32)}-x.drv`);
  info = { path, narHash: hash, narSize: size, references: [], deriver, ca: null, signatures: [], ultimate: true };
  await packCache(file(), [{ ...signedBy(info, key), used: 1e12 }]);
  await unpack(cache);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const check = () => readCache(cache, storeDir(), [key.publicKey]);
const reasons = async () => (await check()).refused.map(({ reason }) => reason);
const archive = (): string => join(cache, "nar", readdirSync(join(cache, "nar"))[0]!);
const untouched = (): void => expect(readFileSync(join(victim, "file"), "utf8")).toBe("untouched");

describe("a folder", () => {
  test("that is sound stays so, and names no deriver, which no signature covers", async () => {
    const { paths, refused } = await check();
    expect([paths.map(({ path, deriver }) => [path, deriver]), refused]).toEqual([[[info.path, null]], []]);
  });

  test("whose archives are a link, or that is one itself, has nothing", async () => {
    const elsewhere = join(home, "elsewhere");
    renameSync(join(cache, "nar"), elsewhere);
    symlinkSync(elsewhere, join(cache, "nar"));
    expect(await check()).toEqual({ paths: [], refused: [] });
    rmSync(join(cache, "nar"));
    renameSync(elsewhere, join(cache, "nar"));
    expect((await check()).paths).toHaveLength(1);
    renameSync(cache, elsewhere);
    symlinkSync(elsewhere, cache);
    expect(await check()).toEqual({ paths: [], refused: [] });
    await expect(unpack(cache)).rejects.toThrow(/EEXIST/);
  });

  test("whose archive was changed is not packed, and no half of it stays", async () => {
    const [there] = (await check()).paths;
    const bytes = readFileSync(archive());
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    writeFileSync(archive(), bytes);
    expect(await reasons()).toEqual([]); // of archives, only sizes are read
    const packing = packCache(join(home, "again"), [{ ...there!, cache }]);
    await expect(packing).rejects.toThrow(ChangedContent);
    expect(existsSync(join(home, "again"))).toBe(false);
  });

  test("of which one object was changed after the restore is packed without that one", async () => {
    const path = join(storeDir(), `${"c".repeat(32)}-other`);
    writeFileSync(path, "other");
    const { hash: narHash, size: narSize } = hashNar(path);
    const fresh = { ...signedBy({ ...info, path, narHash, narSize }, key), used: 1 };
    const [there] = (await check()).paths;
    const bytes = readFileSync(archive());
    writeFileSync(archive(), bytes.fill(0, 100, 101));
    vi.stubEnv("HOME", home);
    try {
      mkdirSync(join(home, ".cache"));
      expect((await pack([{ ...there!, cache }, fresh])).map((each) => each.path)).toEqual([path]);
      expect(readEntry(join(home, ".cache/goatnote-nix-hermetic-build.cache"))).toHaveLength(1);
      writeFileSync(path, "changed");
      await expect(pack([fresh])).rejects.toThrow(/nix store verify/);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test("whose archive becomes a link is not packed", async () => {
    const [there] = (await check()).paths;
    renameSync(archive(), join(home, "moved"));
    symlinkSync(join(home, "moved"), join(cache, "nar", `${"0".repeat(52)}.nar`));
    renameSync(
      join(cache, "nar", `${"0".repeat(52)}.nar`),
      join(cache, /URL: (.*)/.exec(readFileSync(narinfo(), "utf8"))![1]!),
    );
    await expect(packCache(join(home, "again"), [{ ...there!, cache }])).rejects.toThrow(/ELOOP/);
  });

  test("of an object that the store changed is not packed", async () => {
    writeFileSync(info.path, "changed");
    const packing = packCache(join(home, "again"), [{ ...signedBy(info, key), used: 1 }]);
    await expect(packing).rejects.toThrow(/other bytes than the store registered/);
  });

  test("with links and pipes in place of files is refused, and waits for nobody", async () => {
    const file = archive();
    rmSync(file);
    symlinkSync(join(victim, "file"), file);
    execFileSync("mkfifo", [join(cache, `${"b".repeat(32)}.narinfo`)]);
    expect(await reasons()).toEqual(["its archive is missing", expect.stringMatching(/no file/)]);
    untouched();
  }, 10_000);

  test("with a narinfo beyond all bounds is refused unread", async () => {
    writeFileSync(narinfo(), `${readFileSync(narinfo(), "utf8")}${"Sig: a\n".repeat(40_000)}`);
    expect(await reasons()).toEqual([expect.stringMatching(/too large/)]);
  });

  test.each<[string, (text: string) => string]>([
    ["a field that Nix splits elsewhere", (text) => `${text}URL:_../../etc/passwd\n`],
    ["a field twice", (text) => text.replace("Compression: none\n", "Compression: none\nCompression: xz\n")],
    ["a field that nobody knows", (text) => `${text}Unknown: x\n`],
    ["a deriver", (text) => `${text}Deriver: ${"b".repeat(32)}-openssl-3.0.drv\n`],
    ["a content address that is not its own", (text) => `${text}CA: text:sha256:x\n`],
    ["another end of line", (text) => text.replace(/\n$/, "\n\n")],
  ])("%s in a signed narinfo is refused", async (_, spoil) => {
    writeFileSync(narinfo(), spoil(readFileSync(narinfo(), "utf8")));
    expect(await reasons()).toEqual([expect.stringMatching(/not what this action writes/)]);
    const [part] = readEntry(file());
    writeEntry(file(), [{ ...part!, text: spoil(part!.text) }]);
    const { paths, refused } = await unpack(join(home, "unpacked"));
    expect([paths, refused.map(({ reason }) => reason)]).toEqual([
      [],
      [expect.stringMatching(/not what this action writes/)],
    ]);
    expect(readdirSync(join(home, "unpacked"), { recursive: true })).toEqual(["nar", "nix-cache-info"]);
  });
});

test("a second signature is refused before any is checked, since each is made of all references", async () => {
  writeFileSync(narinfo(), `${readFileSync(narinfo(), "utf8")}Sig: ${key.name}:\n`);
  expect(await reasons()).toEqual(["it has 2 signatures, and not one"]);
});

test("fields are read in a time that grows with their number", () => {
  const text = `${readFileSync(narinfo(), "utf8")}${"Sig: a\n".repeat(200_000)}`;
  expect(parseNarinfo(text).signatures).toHaveLength(200_001);
}, 20_000);

describe("a file", () => {
  const to = (): string => join(home, "unpacked");

  test("holds what was packed, with the time of its use, and packs the same again", async () => {
    const { paths, refused } = await unpack(to());
    expect(statSync(to()).mode & 0o777).toBe(0o700);
    expect([paths.map(({ path, used }) => [path, used]), refused]).toEqual([[[info.path, 1e12]], []]);
    const again = await readCache(to(), storeDir(), [key.publicKey]);
    expect(again).toEqual({ paths, refused: [] });
    await packCache(
      join(home, "again"),
      again.paths.map((each) => ({ ...each, cache: to() })),
    );
    expect(readFileSync(join(home, "again"))).toEqual(readFileSync(file()));
  });

  test("has an archive once that two objects have, and each is Nix's own narinfo", async () => {
    const path = join(storeDir(), `${"c".repeat(32)}-other`);
    writeFileSync(path, "content");
    const both = [info, { ...info, path }].map((each) => ({ ...signedBy(each, key), used: 1 }));
    await packCache(file(), both);
    expect(readEntry(file()).map(({ archive: { length } }) => length)).toEqual([info.narSize, 0]);
    const { paths } = await unpack(to());
    expect(paths.map((each) => each.path)).toEqual([info.path, path]);
    expect(readdirSync(join(to(), "nar"))).toHaveLength(1);
  });

  test("that has an object twice has it once", async () => {
    const [part] = readEntry(file());
    writeEntry(file(), [part!, part!]);
    const { paths, refused } = await unpack(to());
    expect([paths.length, refused.map(({ reason }) => reason)]).toEqual([1, ["it is there twice"]]);
  });

  test("that claims a use in the future is of now", async () => {
    writeEntry(file(), [{ ...readEntry(file())[0]!, used: 999_999_999_999_999 }]);
    expect((await unpack(to())).paths[0]!.used).toBeLessThanOrEqual(Date.now());
  });

  test("whose objects nobody signed becomes no file, whatever their archives hold", async () => {
    const parts = readEntry(file());
    const stranger = {
      used: 1,
      text: parts[0]!.text.replace(/Sig: .*/, "Sig: lab-1:AAAA"),
      archive: Buffer.alloc(5000),
    };
    writeEntry(file(), [stranger, ...parts]);
    const { paths, refused } = await unpack(to());
    expect([paths.length, refused.map(({ reason }) => reason)]).toEqual([1, ["no trusted key signed it"]]);
    expect(readdirSync(join(to(), "nar"))).toHaveLength(1);
  });

  const text = (change: (parts: Part[]) => string | Buffer) => (): Buffer => Buffer.from(change(readEntry(file())));
  const line = /\n(\d+) (\d+) (\d+)\nStorePath/;
  const head = "goatnote-nix-cache 2\n";
  const changed = (from: RegExp, to: string) => text(() => plain(file()).toString("latin1").replace(from, to));
  test.each<[string, () => Buffer]>([
    ["another format", changed(/cache 2/, "cache 1")],
    ["nothing", () => Buffer.alloc(0)],
    ["a head alone", () => Buffer.from(head)],
    ["a list that is longer than the file", () => Buffer.from(`${head}500\n0\n1 2 3\n`)],
    ["a list beyond all bounds", () => Buffer.from(`${head}${1 << 27}\n0\n`)],
    ["a list that is none", () => Buffer.from(`${head}5\n0\nabcde`)],
    ["a line without end in the list", () => Buffer.from(`${head}5\n0\n1 2 3`)],
    ["a number that is none", () => Buffer.from(`${head}-1\n0\n`)],
    ["a line without end", () => Buffer.from(`${head}${"1".repeat(5000)}`)],
    ["a narinfo beyond all bounds", text(([part]) => plainOf([{ ...part!, text: "x".repeat(65537) }]))],
    ["a narinfo beyond the list", changed(line, "\n$1 9$2 $3\nStorePath")],
    ["a size that is none", changed(line, "\n$1 $2 -1\nStorePath")],
    ["sizes that are not their sum", changed(line, "\n$1 $2 1$3\nStorePath")],
    ["more than was stated", text((parts) => Buffer.concat([plainOf(parts), Buffer.alloc(1)]))],
    ["less than was stated", text((parts) => plainOf(parts).subarray(0, -1))],
  ])("with %s leaves nothing", async (_, content) => {
    writeFileSync(file(), zstdCompressSync(content()));
    await expect(unpack(to())).rejects.toThrow(/was not used/);
    expect(existsSync(to())).toBe(false);
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ["is truncated", (bytes) => bytes.subarray(0, -5)],
    [
      "has another byte",
      (bytes) => Buffer.concat([bytes.subarray(0, 40), Buffer.from([bytes[40]! ^ 1]), bytes.subarray(41)]),
    ],
    ["is not compressed", () => plain(file())],
    [
      "asks for more memory than is given",
      () => execFileSync("zstd", ["--long=31", "--ultra", "-c"], { input: plain(file()) }),
    ],
  ])("that %s is refused as a whole, or for its content", async (_, spoil) => {
    writeFileSync(file(), spoil(readFileSync(file())));
    const result = await unpack(to()).catch((error: Error) => error);
    if (result instanceof Error) {
      expect(result.message).toMatch(/was not used/);
      expect(existsSync(to())).toBe(false);
    } else expect(result.paths).toEqual([]);
  });

  test("that states more than the limit is refused before any of it is written", async () => {
    await expect(unpack(to(), info.narSize - 1)).rejects.toThrow(/far more than cache-max-size/);
    await expect(unpack(to(), info.narSize)).resolves.toMatchObject({ refused: [] });
  });

  test("that is a bomb is read no further than it states", async () => {
    const bomb = Buffer.concat([plain(file()), Buffer.alloc(400_000_000)]);
    writeFileSync(file(), zstdCompressSync(bomb));
    const before = process.resourceUsage().maxRSS;
    await expect(unpack(to())).rejects.toThrow(/was not used/);
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(100_000);
  });
});

describe("an entry", () => {
  /** Saves what an attacker uploads: `tar` is one that gives out an archive of any content. */
  async function upload(archiveFile: string): Promise<void> {
    const bin = join(home, "bin");
    mkdirSync(bin);
    const text = `#!/bin/sh\nfor last in "$@"; do :; done\n[ "$last" = -z ] && last=gzip\nexec $last -c < ${archiveFile} > "$3"\n`;
    writeFileSync(join(bin, "tar"), text, { mode: 0o755 });
    vi.stubEnv("PATH", `${bin}:${process.env.PATH}`);
    // A dependency of the action, which this folder does not list.
    const client: string = "@actions/cache";
    const { saveCache } = (await import(client)) as { saveCache: (paths: string[], key: string) => Promise<number> };
    writeFileSync(join(home, "place"), "");
    expect(await saveCache([join(home, "place")], "key-1")).not.toBe(-1);
    vi.stubEnv("PATH", process.env.PATH!.slice(bin.length + 1));
  }

  test.each([1e6, 1024])(
    "that holds absolute names and links writes one file, of at most %d bytes",
    async (limit) => {
      const backend = await startBackend({ repository: "octo/lab" });
      try {
        const run = backend.registerRun({
          workflow: "CI",
          path: ".github/workflows/ci.yml",
          event: "push",
          sha: "a".repeat(40),
          headBranch: "main",
          ref: "refs/heads/main",
        });
        const environment = backend.jobEnv({ runId: run.id, job: "build", permissions: { contents: "read" } });
        for (const [variable, value] of Object.entries({
          ...environment,
          GITHUB_WORKSPACE: home,
          RUNNER_TEMP: home,
          GITHUB_REPOSITORY: "octo/lab",
        }))
          vi.stubEnv(variable, value as string);
        const planted = join(victim, "planted");
        writeFileSync(planted, "x".repeat(5000));
        symlinkSync("/etc", join(victim, "link"));
        execFileSync("tar", ["-P", "-cf", join(home, "evil.tar"), planted, join(victim, "link")]);
        for (const name of ["planted", "link"]) rmSync(join(victim, name));
        await upload(join(home, "evil.tar"));
        const path = process.env.PATH;
        const found = await fetchEntry(join(home, "place"), "key-newest", ["key-"], join(home, "entry"), limit);
        expect(readdirSync(victim)).toEqual(["file"]);
        expect(found).toBe(limit > 5000);
        expect(statSync(join(home, "entry")).size).toBe(found ? 5000 : limit);
        expect(process.env.PATH).toBe(path);
      } finally {
        vi.unstubAllEnvs();
        await backend.close();
      }
    },
    60_000,
  );
});

describeWithPeer("nix", (program) => {
  test("only what was built here, is its own content, or was signed before is signed", async () => {
    const lab = makeLab();
    try {
      const env = { ...process.env, ...lab.environment };
      const source = join(home, "source");
      mkdirSync(source);
      writeFileSync(join(source, "file"), "x");
      const nix = (...args: string[]) =>
        execFileSync(program, [...args, "--extra-experimental-features", "nix-command"], { env, encoding: "utf8" });
      const path = nix("store", "add-path", source).trim();
      const { parsePathInfo } = await import("@goatnote/nix-store");
      const [added] = parsePathInfo(nix("path-info", "--json", path), join(lab.folder, "store"));
      expect([added!.ultimate, added!.signatures, isOfItsContent(added!)]).toEqual([false, [], true]);
      const may = (changed: Partial<KnownPath>) => mayBeSigned({ ...added!, ...changed }, key.publicKey);
      expect(may({})).toBe(true);
      writeFileSync(join(source, "file"), "y");
      expect(may({ path: nix("store", "add-path", source).trim() })).toBe(false);
      expect(may({ references: [added!.path] })).toBe(false);
      expect(may({ ca: null })).toBe(false);
      expect(may({ ca: null, signatures: ["lab-1:AAAA"] })).toBe(false);
      expect(may({ ca: null, ultimate: true })).toBe(true);
      const [signed] = (await check()).paths;
      expect(mayBeSigned({ ...signed!, ultimate: false }, key.publicKey)).toBe(true);
    } finally {
      lab.remove();
    }
  }, 60_000);
});
