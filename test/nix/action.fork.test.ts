/** The whole action on real Nix of three generations. */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { readSigningKey } from "@goatnote/nix-store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { readEntry, writeEntry } from "./entry.ts";
import { generations, type Lab, makeLab } from "./lab.ts";
import { Runner } from "./runner.ts";

const packages = `packages.\${system} = rec {
  lib = make "lib-1.0" "echo building lib; mkdir $out; echo hello > $out/data";
  default = make "app-2.0" "echo building app; echo \${lib} > $out";
  broken = make "broken-3.0" "echo before; echo the last line; exit 7";
  clock = make "clock-1" "read up _ < /proc/uptime; echo $up > $out";
  noChroot = makeWith { __noChroot = true; } "open-1" "echo x > $out";
};
checks.\${system}.good = make "good-check" "echo checked > $out";
devShells.\${system}.default = derivation { name = "shell"; inherit system; builder = "\${./bin}/bash"; outputs = [ "out" ]; FROM_SHELL = "two\\nlines";
  stdenv = make "stdenv" "mkdir $out; echo : > $out/setup"; };`;

await build(); // which may take longer than a hook

describe.each(generations)("%s", (peer) => {
  describeWithPeer(peer, (program) => {
    let lab: Lab;
    let runner: Runner;
    let flake: string;
    let secret: string;
    let publicKey: string;
    beforeAll(async () => {
      lab = makeLab();
      runner = await Runner.start(await build(), program, lab);
      flake = `path:${lab.flake("flake", packages)}`;
      secret = execFileSync(program, ["key", "generate-secret", "--key-name", "lab-1"], {
        encoding: "utf8",
        env: { ...process.env, ...lab.environment },
      }).trim();
      ({ publicKey } = readSigningKey(secret));
    });
    afterAll(async () => {
      await runner.backend.close();
      lab.remove();
    });

    /** A new machine: nothing in its store. */
    function emptyStore(): void {
      for (const name of ["store", "state"]) {
        execFileSync("chmod", ["-R", "u+w", join(lab.folder, name)]);
        rmSync(join(lab.folder, name), { recursive: true, force: true });
      }
    }
    const keys = (): Record<string, string> => ({ "cache-public-key": publicKey, "cache-signing-key": secret });

    test("builds, proves and reports; what was built is signed, saved, and built no second time", async () => {
      const first = await runner.job({ flake, ...keys(), sbom: "runtime" });
      expect(first.code, first.log).toBe(0);
      expect(first.outputs).toMatchObject({ built: "3", restored: "0", hermetic: "true", "cache-refused": "0" });
      const [app] = JSON.parse(first.outputs["store-paths"]!) as string[];
      const dump = execFileSync("nix-store", ["--dump", app!], { env: { ...process.env, ...lab.environment } });
      const digest = Buffer.from(await crypto.subtle.digest("SHA-256", dump)).toString("hex");
      expect(first.outputs["nar-hash"]).toBe(digest);
      expect(readFileSync(first.outputs["subject-checksums"]!, "utf8")).toBe(`${digest}  app-2.0.nar\n`);
      expect(JSON.parse(readFileSync(first.outputs["resolved-dependencies"]!, "utf8"))).toEqual([]);
      expect(JSON.parse(readFileSync(first.outputs["sbom-cyclonedx"]!, "utf8"))).toMatchObject({ specVersion: "1.6" });
      expect(JSON.parse(readFileSync(first.outputs["sbom-spdx"]!, "utf8"))).toMatchObject({ spdxVersion: "SPDX-2.3" });
      expect(first.artifacts).toBe(`${app}\n`);
      expect(first.log).toMatch(/::group::lib-1\.0 \(.*\nbuilding lib\n::endgroup::/);
      expect(first.summary).toContain("Hermetic");
      expect(first.post).toContain("Cache saved");
      expect((first.log + first.post).replace(/^::add-mask::.*$/gm, "")).not.toContain(secret.slice(10));

      emptyStore();
      const second = await runner.job({ flake, ...keys(), sbom: "runtime" });
      expect(second.code, second.log).toBe(0);
      expect(second.outputs).toMatchObject({
        built: "0",
        hermetic: "true",
        "store-paths": first.outputs["store-paths"],
        "closure-digest": first.outputs["closure-digest"],
      });
      expect(Number(second.outputs.restored)).toBeGreaterThan(0);
      expect(second.log).toContain("built=0");
      expect(second.post).toContain("nothing is saved");
    });

    test("a stranger's pull request reads the cache and saves nothing", async () => {
      const entries = runner.backend.state.caches.length;
      const { code, post, outputs } = await runner.job(
        { flake, "cache-public-key": publicKey, installables: "lib" },
        { event: "pull_request" },
      );
      expect([code, outputs.built]).toEqual([0, "0"]);
      expect(post).toContain("only read");
      expect(runner.backend.state.caches).toHaveLength(entries);
    });

    /** Changes what the newest entry holds, as who may write to the cache can. */
    function forge(change: (file: string) => void): void {
      const { blob } = runner.backend.state.caches.at(-1)!;
      const stored = runner.backend.state.blobs.get(blob)!;
      const [archive, content] = [join(lab.folder, "stored"), join(lab.folder, "content")];
      writeFileSync(archive, stored.content!);
      const member = execFileSync("tar", ["-tPf", archive], { encoding: "utf8" }).trim();
      writeFileSync(content, execFileSync("tar", ["-xOPf", archive], { maxBuffer: 1e9 }));
      change(content);
      execFileSync("tar", ["-cPf", archive, "--zstd", `--transform=s|.*|${member}|`, content]);
      stored.content = readFileSync(archive);
    }

    test("what was changed in the entry is refused, told, built again and saved anew; the rest is taken", async () => {
      emptyStore();
      forge((file) => {
        const parts = readEntry(file);
        const { archive } = parts.find(({ text }) => /^StorePath: .*-app-2\.0$/m.test(text))!;
        archive.writeUInt8(archive.readUInt8(100) ^ 1, 100);
        writeEntry(file, parts);
      });
      const changed = await runner.job({ flake, ...keys(), check: "false" });
      expect(changed.code, changed.log).toBe(0);
      expect(changed.outputs).toMatchObject({ built: "1", "cache-refused": "1" });
      expect(Number(changed.outputs.restored)).toBeGreaterThan(0);
      expect(changed.log).toMatch(/::warning .*its archive has other bytes than were signed/);
      expect(changed.post).toMatch(/Cache saved: 1 objects/);
      emptyStore();
      const mended = await runner.job({ flake, ...keys(), check: "false" });
      expect(mended.outputs).toMatchObject({ built: "0", "cache-refused": "0" });
    });

    test("an entry that ends early, or has another form, is told and not used", async () => {
      for (const change of [
        (file: string) => truncateSync(file, statSync(file).size - 100),
        (file: string) => writeFileSync(file, "goatnote-nix-cache 1\n"),
      ]) {
        emptyStore();
        forge(change);
        const { code, log, outputs, post } = await runner.job({ flake, ...keys(), check: "false" });
        expect(code, log).toBe(0);
        expect(outputs).toMatchObject({ built: "2", restored: "0" });
        expect(log).toMatch(/::warning::The cache could not be restored: .*was not used/);
        expect(post).toContain("Cache saved");
      }
    });

    test("a cache that another key signed is refused as a whole, and the build goes on", async () => {
      emptyStore();
      const other = execFileSync(program, ["key", "generate-secret", "--key-name", "lab-1"], {
        encoding: "utf8",
        env: { ...process.env, ...lab.environment },
      }).trim();
      const { code, outputs, log } = await runner.job({ flake, "cache-public-key": readSigningKey(other).publicKey });
      expect([code, outputs.restored, outputs.built, outputs.hermetic]).toEqual([0, "0", "3", "true"]);
      expect(Number(outputs["cache-refused"])).toBeGreaterThan(0);
      expect(log).toContain("no trusted key signed it");
    });

    test("a build that fails is told once, with its last lines at the end and in the summary", async () => {
      const { code, log, summary } = await runner.job({ flake, check: "false", installables: "broken" });
      expect(code).toBe(1);
      expect(log).toContain("::error::nix build: broken-3.0 failed.");
      expect(log).toMatch(/----- broken-3\.0 failed[^\n]*\nbefore\nthe last line/);
      expect(summary).toContain("the last line");
    });

    test.each([
      [
        "no such attribute",
        { installables: "nothing" },
        /nix flake show[\s\S]*Its packages for \S+: broken, clock, default, lib, noChroot$/m,
      ],
      ["no such flake", { flake: "path:/nowhere" }, /cannot be read/],
      ["a closure above its limit", { "max-closure-size": "0.0001" }, /max-closure-size/],
      ["a forbidden reference", { "forbidden-references": "lib-*" }, /app-2\.0 → lib-1\.0/],
      ["a derivation without sandbox", { installables: "noChroot", "require-hermetic": "true" }, /noChroot/],
      [
        "a builder that reads the clock",
        { installables: "clock", "require-hermetic": "true" },
        /differs when it is built again/,
      ],
      ["a contradiction", { command: "true" }, /needs `develop`/],
    ])("%s fails with the reason", async (_, inputs, reason) => {
      const { code, log } = await runner.job({ flake, check: "false", ...inputs } as Record<string, string>);
      expect(code, log).toBe(1);
      expect(log.replace(/%0A/g, "\n")).toMatch(reason);
    });

    /** A flake with one more input than the others. */
    function withInput(name: string, url: string): string {
      const at = lab.flake(name, packages);
      const file = join(at, "flake.nix");
      const text = readFileSync(file, "utf8")
        .replace("{ self }", "{ self, data }")
        .replace("{", `{\n  inputs.data = { url = "${url}"; flake = false; };`)
        .replace('"echo building lib;', '"echo building lib; : ${data};');
      writeFileSync(file, text);
      return at;
    }

    test("an input without a lock is refused; locked it is a resolved dependency, by the hash of its NAR", async () => {
      const data = join(lab.folder, `data-${peer}`);
      writeFileSync(data, "some data\n");
      const at = withInput(`input-${peer}`, `path:${data}`);
      const unlocked = await runner.job({ flake: `path:${at}`, check: "false" });
      expect(unlocked.code, unlocked.log).toBe(1);
      expect(unlocked.log).toMatch(/run `nix flake lock`/);
      const environment = { env: { ...process.env, ...lab.environment } };
      execFileSync(program, ["flake", "lock", `path:${at}`], environment);
      const locked = await runner.job({ flake: `path:${at}`, check: "false" });
      expect(locked.code, locked.log).toBe(0);
      const dump = execFileSync("nix-store", ["--dump", data], environment);
      const digest = Buffer.from(await crypto.subtle.digest("SHA-256", dump)).toString("hex");
      expect(JSON.parse(readFileSync(locked.outputs["resolved-dependencies"]!, "utf8"))).toEqual([
        { name: "data", uri: `path:${data}`, digest: { "nix-nar-sha256": digest } },
      ]);
    });

    test("an input that no network reaches is told", async () => {
      const url = "http://127.0.0.1:1/data.tar.gz"; // nothing listens there
      const at = withInput("far", url);
      const original = { type: "tarball", url };
      const locked = { ...original, narHash: `sha256-${"A".repeat(43)}=` };
      const nodes = { data: { flake: false, locked, original }, root: { inputs: { data: "data" } } };
      writeFileSync(join(at, "flake.lock"), JSON.stringify({ nodes, root: "root", version: 7 }));
      const { code, log } = await runner.job(
        { flake: `path:${at}`, check: "false" },
        { env: { NIX_CONFIG: "download-attempts = 1" } },
      );
      expect([code, log]).toEqual([1, expect.stringContaining("The network is not reachable")]);
    });

    test("beyond its size the cache forgets what was not used for longest", async () => {
      const big = (name: string): string =>
        `${name} = make "${name}-1" "\${./bin}/busybox head -c 700000 /dev/zero > $out; echo ${name} >> $out";`;
      const at = `path:${lab.flake("big", `packages.\${system} = { ${big("early")} ${big("late")} };`)}`;
      const pair = execFileSync(program, ["key", "generate-secret", "--key-name", "big-1"], {
        encoding: "utf8",
        env: { ...process.env, ...lab.environment },
      }).trim();
      const job = (name: string) => {
        emptyStore();
        const secrets = { "cache-public-key": readSigningKey(pair).publicKey, "cache-signing-key": pair };
        return runner.job({ flake: at, check: "false", installables: name, ...secrets, "cache-max-size": "1" });
      };
      expect((await job("early")).post).toContain("0 removed for their age");
      expect((await job("late")).post).toContain("1 removed for their age");
      expect((await job("late")).outputs).toMatchObject({ built: "0", restored: "1" });
      expect((await job("early")).outputs).toMatchObject({ built: "1", restored: "0" });
    });

    test("without a sandbox the probe sees the host's files, network and name, whatever the settings say", async () => {
      const { outputs, summary } = await runner.job(
        { flake, check: "false" },
        { env: { NIX_CONFIG: "sandbox = false" } },
      );
      expect(outputs.hermetic).toBe("false");
      expect(summary).toMatch(/files of this machine/);
      expect(summary).toMatch(/network of this machine/);
      if (hostname() !== "localhost") expect(summary).toMatch(/hostname of this machine/);
    });

    test("a command runs in the development shell, and without one its variables are set, all their lines", async () => {
      const ran = await runner.job({
        flake,
        check: "false",
        develop: "default",
        command: 'echo "it says $FROM_SHELL"',
      });
      expect(ran.code, ran.log).toBe(0);
      expect(ran.log).toContain("it says two\nlines");
      const set = await runner.job({ flake, check: "false", develop: "default" });
      expect(set.code, set.log).toBe(0);
      expect(set.variables).toMatchObject({ FROM_SHELL: "two\nlines" });
      const failing = await runner.job({ flake, check: "false", develop: "default", command: "exit 3" });
      expect(failing.log).toContain("exit code 3");
    });

    test("an image is what its manifest says, or refused", async () => {
      const layer = execFileSync("tar", ["-cf", "-", "-C", "/bin", "true"]);
      const hash = async (bytes: Uint8Array) =>
        Buffer.from(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)).toString("hex");
      const image = async (claimed: string, name: string) => {
        const config = JSON.stringify({ rootfs: { type: "layers", diff_ids: [`sha256:${claimed}`] } });
        const digest = await hash(Buffer.from(config));
        const at = lab.flake(
          name,
          `packages.\${system}.image = make "image.tar" "cd \${./bin}; ./busybox tar -cf $out manifest.json ${digest}.json layer.tar";`,
          {
            "bin/layer.tar": layer.toString("latin1"),
            "bin/manifest.json": JSON.stringify([
              { Config: `${digest}.json`, RepoTags: ["lab:1"], Layers: ["layer.tar"] },
            ]),
            [`bin/${digest}.json`]: config,
          },
        );
        writeFileSync(join(at, "bin/layer.tar"), layer);
        return { digest, ...(await runner.job({ flake: `path:${at}`, check: "false", image: "image" })) };
      };
      const sound = await image(await hash(layer), "image-flake");
      expect(sound.code, sound.log).toBe(0);
      expect(sound.outputs["image-digest"]).toBe(`sha256:${sound.digest}`);
      const swapped = await image("0".repeat(64), "swapped-flake");
      expect([swapped.code, swapped.log]).toEqual([1, expect.stringContaining("the configuration names sha256:000")]);
    });
  });
});
