/** Entries and folders of the cache that an attacker wrote: what they lead to outside stays as it is, and nothing hangs. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  addToCache,
  checkCache,
  hashNar,
  isOfItsContent,
  type KnownPath,
  packCache,
  parseNarinfo,
  readSigningKey,
  unpackCache,
} from "@goatnote/nix-store";
import { startBackend } from "@goatnote/rehearsal";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { mayBeSigned } from "../../actions/nix-hermetic-build/src/cache.ts";
import { fetchEntry } from "../../actions/nix-hermetic-build/src/entry.ts";
import { describeWithPeer } from "../peers.ts";
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
  await checkCache(cache, storeDir(), []);
  await addToCache(cache, info, key);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const check = () => checkCache(cache, storeDir(), [key.publicKey]);
const reasons = async () => (await check()).refused.map(({ reason }) => reason);
const archive = (): string => join(cache, "nar", readdirSync(join(cache, "nar"))[0]!);
const untouched = (): void => expect(readFileSync(join(victim, "file"), "utf8")).toBe("untouched");

describe("a folder", () => {
  test("that is sound stays so, and names no deriver, which no signature covers", async () => {
    const { paths, refused } = await check();
    expect([paths.map(({ path, deriver }) => [path, deriver]), refused]).toEqual([[[info.path, null]], []]);
  });

  test("whose archives are a link leads nowhere", async () => {
    rmSync(join(cache, "nar"), { recursive: true });
    symlinkSync(victim, join(cache, "nar"));
    expect(await reasons()).toEqual(["its archive is missing"]);
    untouched();
  });

  test("that is a link itself is made anew", async () => {
    rmSync(cache, { recursive: true });
    symlinkSync(victim, cache);
    expect((await check()).paths).toEqual([]);
    untouched();
    expect(lstatSync(cache).isDirectory()).toBe(true);
  });

  test("with links and pipes in place of files is refused, and waits for nobody", async () => {
    const file = archive();
    rmSync(file);
    symlinkSync(join(victim, "file"), file);
    execFileSync("mkfifo", [join(cache, `${"b".repeat(32)}.narinfo`)]);
    rmSync(join(cache, "nix-cache-info"));
    symlinkSync(join(victim, "file"), join(cache, "nix-cache-info"));
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
    expect(existsSync(narinfo())).toBe(false);
  });
});

test("fields are read in a time that grows with their number", () => {
  const text = `${readFileSync(narinfo(), "utf8")}${"Sig: a\n".repeat(200_000)}`;
  expect(parseNarinfo(text).signatures).toHaveLength(200_001);
}, 20_000);

describe("a file", () => {
  const file = (): string => join(home, "packed");
  const to = (): string => join(home, "unpacked");

  test("holds what was packed, with the time of its use", async () => {
    await packCache(cache, file());
    await unpackCache(file(), to());
    expect(statSync(to()).mode & 0o777).toBe(0o700);
    const [before, after] = [await check(), await checkCache(to(), storeDir(), [key.publicKey])];
    expect(after.refused).toEqual([]);
    expect(after.paths.map(({ path, used }) => [path, Math.round(used)])).toEqual(
      before.paths.map(({ path, used }) => [path, Math.round(used)]),
    );
  });

  const format = "goatnote-nix-cache 1\n";
  const name = `${"a".repeat(32)}.narinfo`;
  test.each([
    ["another format", "goatnote-nix-cache 2\n"],
    ["nothing", ""],
    ["a way out", `${format}../victim/planted 1 0\nx`],
    ["an absolute name", `${format}/tmp/planted 1 0\nx`],
    ["a name with more", `${format}${name}/../../x 1 0\nx`],
    ["a file twice", `${format}${name} 1 0\nx${name} 1 0\nx`],
    ["a narinfo beyond all bounds", `${format}${name} 65537 0\n${"x".repeat(65537)}`],
    ["a size that is none", `${format}${name} -1 0\nx`],
    ["a truncated file", `${format}${name} 9 0\nx`],
    ["a truncated line", `${format}${name} 9`],
    ["a line without end", `${format}${"x".repeat(5000)}`],
  ])("with %s leaves nothing", async (_, content) => {
    writeFileSync(file(), content);
    await expect(unpackCache(file(), to())).rejects.toThrow(/was not used/);
    expect(existsSync(to())).toBe(false);
    expect(readdirSync(victim)).toEqual(["file"]);
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
      expect(may({ path: added!.path.replace(/.-source$/, "z-source") })).toBe(false);
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
