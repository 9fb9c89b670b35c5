/** The nix-store package against real Nix of three generations. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "@goatnote/action-io";
import {
  type BuildEvent,
  build,
  decodeBase32,
  encodeBase32,
  flagsOf,
  flakeShow,
  hashBase32,
  hashNar,
  type Nix,
  openNix,
  parsePathInfo,
  pathInfo,
  showDerivations,
} from "@goatnote/nix-store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithPeer } from "../peers.ts";
import { generations, type Lab, makeLab } from "./lab.ts";

const packages = `packages.\${system} = rec {
  lib = { meta.description = "what says hello"; } // make "lib-1.0" ''
    echo building lib
    mkdir -p $out/bin
    echo hello > $out/data
    ln -s data $out/link
    echo '#!/bin/sh' > $out/bin/tool
    chmod +x $out/bin/tool
  '';
  default = makeWith { outputs = [ "out" "doc" ]; } "app-2.0" ''
    echo building app
    echo "\${lib}" > $out
    echo about > $doc
  '';
  structured = makeWith { __structuredAttrs = true; list = [ 1 2 ]; } "structured-1" ''
    . /build/.attrs.sh
    echo x > $NIX_BUILD_TOP/x
    busybox=1
    echo ok > "''\${outputs[out]}"
  '';
  fixed = makeWith { outputHashMode = "flat"; outputHashAlgo = "sha256";
    outputHash = builtins.hashString "sha256" "fixed"; } "fixed-1" "printf fixed > $out";
  broken = make "broken-3.0" "echo before it breaks; echo the last line; exit 7";
};
apps.\${system}.x = { type = "app"; program = "/x"; };`;

describe.each(generations)("%s", (peer) => {
  describeWithPeer(peer, (program) => {
    let lab: Lab;
    let nix: Nix;
    let flake: string;
    beforeAll(async () => {
      lab = makeLab();
      Object.assign(process.env, lab.environment);
      flake = `path:${lab.flake("flake", packages)}`;
      nix = await openNix(program);
    });
    afterAll(() => lab.remove());

    test("version, store and settings", async () => {
      const { stdout } = await run([program, "--version"]);
      expect(stdout).toContain(nix.version);
      expect(nix.storeDir).toBe(join(lab.folder, "store"));
      expect(nix.settings.sandbox).toBe(true);
    });

    test("a build tells each derivation, its lines and its end, and the results", async () => {
      const events: BuildEvent[] = [];
      const made = await build(nix, [flake], (event) => events.push(event));
      expect(made.errors).toEqual([]);
      expect(made.code).toBe(0);
      expect(made.built.map(({ log, failed }) => ({ log, failed }))).toEqual([
        { log: ["building lib"], failed: false },
        { log: ["building app"], failed: false },
      ]);
      expect(Object.keys(made.results[0]?.outputs ?? {})).toContain("out");
      expect(events.filter(({ kind }) => kind === "stop")).toHaveLength(2);
      expect(events.findLast(({ kind }) => kind === "progress")).toMatchObject({ done: 2, failed: 0 });
      const again = await build(nix, [flake]);
      expect([again.code, again.built, again.results]).toEqual([0, [], made.results]);
    });

    test("a build that fails says which derivation, and its last lines", async () => {
      const { code, built, errors } = await build(nix, [`${flake}#broken`]);
      expect(code).not.toBe(0);
      expect(built).toMatchObject([{ failed: true, log: ["before it breaks", "the last line"] }]);
      expect(built[0]?.derivation).toMatch(/-broken-3\.0\.drv$/);
      expect(errors.join("\n")).toContain("exit code 7");
    });

    test("the NAR of every path of the store has the hash and the size that Nix knows, and the references are there", async () => {
      await build(nix, [flake, `${flake}#fixed`]);
      const all = await pathInfo(nix, ["--all"]);
      expect(all.length).toBeGreaterThan(6);
      for (const { path, narHash, narSize } of all)
        expect(hashNar(path), path).toEqual({ hash: narHash, size: narSize });
      const [app] = all.filter(({ path }) => path.endsWith("-app-2.0"));
      expect(app?.references).toEqual(all.filter(({ path }) => path.endsWith("-lib-1.0")).map(({ path }) => path));
      expect(app?.ultimate).toBe(true);
      expect(app?.deriver).toMatch(/-app-2\.0\.drv$/);
      const fixed = all.find(({ path }) => path.endsWith("-fixed-1"));
      expect(fixed?.ca).toMatch(/^fixed:sha256:/);
      const closure = await pathInfo(nix, [app!.path], { recursive: true });
      expect(closure.map(({ path }) => path)).toEqual(expect.arrayContaining([app!.path, ...app!.references]));
    });

    test("every format of path-info that this Nix writes is read alike", async () => {
      await build(nix, [flake, `${flake}#fixed`]);
      const args = ["path-info", "--json", "--all", ...flagsOf(nix)];
      const formats = await Promise.all(
        ["1", "2", "3"].map(async (format) => {
          const { code, stdout, stderr } = await run([program, ...args, "--json-format", format], { check: false });
          if (code !== 0) expect(stderr).toMatch(/unrecognised flag|unsupported path info JSON format/);
          return code === 0 ? parsePathInfo(stdout, nix.storeDir) : undefined;
        }),
      );
      const known = await pathInfo(nix, ["--all"]);
      const read = formats.filter((each) => each !== undefined);
      expect(read).toEqual(read.map(() => known));
      // Only the newest generation knows the flag; none that can be had here writes the third format.
      expect(read).toHaveLength(peer === "nix-newest" ? 2 : 0);
    });

    test("the outputs of a flake, with their names and types", async () => {
      const shown = await flakeShow(nix, flake, lab.folder);
      const system = String(nix.settings.system);
      expect(shown.map(({ attribute }) => attribute)).toEqual(
        ["app.x", "broken", "default", "fixed", "lib", "structured"].map((name) =>
          name === "app.x" ? `apps.${system}.x` : `packages.${system}.${name}`,
        ),
      );
      expect(shown.find(({ attribute }) => attribute.endsWith(".lib"))).toEqual({
        attribute: `packages.${system}.lib`,
        type: "derivation",
        name: "lib-1.0",
        description: "what says hello",
      });
      expect(shown[0]).toMatchObject({ type: "app", name: null });
    });

    test("a path that is not valid is left out", async () => {
      expect(await pathInfo(nix, [`${nix.storeDir}/00000000000000000000000000000000-nothing`])).toEqual([]);
    });

    test("derivations, with all they are built from", async () => {
      const [app, ...others] = (await showDerivations(nix, [flake], { recursive: true })).sort((a, b) =>
        a.name.localeCompare(b.name),
      );
      const [lib] = others;
      expect(others).toHaveLength(1);
      expect(app).toMatchObject({ name: "app-2.0", inputDerivations: { [lib!.path]: ["out"] }, structuredAttrs: null });
      expect(Object.keys(app!.outputs).sort()).toEqual(["doc", "out"]);
      expect(app!.outputs.out?.path).toBe(app!.env.out);
      expect(app!.inputSources).toEqual([expect.stringMatching(/^\/.*-bin$/)]);
      const [fixed] = await showDerivations(nix, [`${flake}#fixed`]);
      expect(fixed?.outputs.out).toMatchObject({ method: "flat", hash: await sha256("fixed") });
      const [structured] = await showDerivations(nix, [`${flake}#structured`]);
      expect(structured?.structuredAttrs).toMatchObject({ list: [1, 2] });
    });

    test("the NAR of a tree that no store has: names out of order, odd bytes, links, empty files", async () => {
      const tree = join(lab.folder, `tree ${peer}`);
      mkdirSync(join(tree, "b/ä"), { recursive: true });
      mkdirSync(join(tree, "empty"));
      writeFileSync(join(tree, "a.b"), "");
      writeFileSync(join(tree, "a-b"), "x".repeat(4097));
      writeFileSync(join(tree, "b/big"), Buffer.alloc(70_000_001, "some text of 19 ch"));
      writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0x41])]), "not utf-8");
      writeFileSync(join(tree, "b/ä/tool"), "#!");
      chmodSync(join(tree, "b/ä/tool"), 0o744);
      symlinkSync("../nowhere", join(tree, "b/link"));
      const { stdout } = await run([program, "hash", "path", tree]);
      expect(hashNar(tree).hash).toBe(stdout.trim());
    });

    test("base 32 is Nix's", async () => {
      const { hash } = hashNar(lab.environment.NIX_CONF_DIR!);
      const old = await run([program, "hash", "to-base32", hash], { check: false });
      const theirs = old.code === 0 ? old : await run([program, "hash", "convert", "--to", "nix32", hash]);
      expect(hashBase32(hash)).toBe(`sha256:${theirs.stdout.trim().replace(/^sha256:/, "")}`);
      const bytes = Buffer.from(hash.slice(7), "base64");
      expect(decodeBase32(encodeBase32(bytes))).toEqual(bytes);
    });
  });
});

async function sha256(text: string): Promise<string> {
  return `sha256-${Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(text))).toString("base64")}`;
}
