/** The flake of this repository, before a real Nix. nixpkgs is not fetched: a flake of a page stands for it. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithPeer } from "../peers.ts";
import { type Lab, makeLab } from "./lab.ts";

const root = resolve(import.meta.dirname, "../..");

// What the flake asks of nixpkgs: sets of packages by system, a shell, and a derivation from a script.
const stub = `{
  outputs = { self }:
    let
      lib.genAttrs = names: make: builtins.listToAttrs (map (name: { inherit name; value = make name; }) names);
      runCommand = system: name: env: script: derivation {
        inherit name system; builder = "\${./bash}";
        args = [ "-euc" "PATH=\${./bin}; \${script}" ];
      };
      tools = [ "nodejs_24" "git" "actionlint" "zizmor" "act" "age" "cosign" "diffoscopeMinimal" "gnupg" "go" "gotestsum" "jdk_headless" "python3" "sops" "sqlite" "zip" "zstd" ];
      packagesOf = system: lib.genAttrs tools (name: "\${name} of \${system}") // {
        runCommand = runCommand system;
        mkShellNoCC = { packages }: derivation { name = "shell"; inherit system; builder = "none"; packages = toString packages; };
      };
    in { inherit lib; legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ] packagesOf; };
}`;

describeWithPeer("nix-newest", (program) => {
  let lab: Lab;
  let flake: string;
  let nixpkgs: string;
  const nix = (...args: string[]): string =>
    execFileSync(program, args, {
      env: { ...lab.environment, PATH: process.env.PATH, HOME: lab.folder },
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
    });

  beforeAll(() => {
    lab = makeLab();
    flake = join(realpathSync(lab.folder), "own");
    nixpkgs = join(realpathSync(lab.folder), "nixpkgs");
    for (const folder of [flake, join(nixpkgs, "bin")]) mkdirSync(folder, { recursive: true });
    for (const file of ["flake.nix", "flake.lock"]) cpSync(join(root, file), join(flake, file));
    cpSync(join(root, "dist"), join(flake, "dist"), { recursive: true });
    writeFileSync(join(nixpkgs, "flake.nix"), stub);
    cpSync("/bin/bash-static", join(nixpkgs, "bash"));
    for (const tool of ["cp", "find", "xargs", "touch", "node"]) cpSync("/bin/busybox", join(nixpkgs, "bin", tool));
  });
  afterAll(() => lab?.remove());

  test("has a lock that fits it, so that nothing is looked up", () => {
    const { locks } = JSON.parse(nix("flake", "metadata", "--json", "--no-update-lock-file", `path:${flake}`));
    expect(locks).toEqual(JSON.parse(readFileSync(join(root, "flake.lock"), "utf8")));
    const { locked, original } = locks.nodes.nixpkgs;
    expect([locked.rev, locked.narHash]).toEqual([
      expect.stringMatching(/^[0-9a-f]{40}$/),
      expect.stringMatching(/^sha256-/),
    ]);
    expect(original).toMatchObject({ owner: "NixOS", repo: "nixpkgs" });
  });

  test("has its shells, package and check on each system", () => {
    const shown = JSON.parse(
      nix(
        "flake",
        "show",
        "--json",
        "--all-systems",
        "--override-input",
        "nixpkgs",
        `path:${nixpkgs}`,
        `path:${flake}`,
      ),
    );
    const text = JSON.stringify(shown);
    for (const system of ["x86_64-linux", "aarch64-linux", "x86_64-darwin", "aarch64-darwin"])
      expect(text).toContain(system);
    for (const name of ["default", "ci", "full", "bundles"]) expect(text).toContain(`"${name}"`);
  });

  test("packages what is committed in dist/", () => {
    const out = nix(
      ...["build", "--no-link", "--print-out-paths", "--override-input", "nixpkgs", `path:${nixpkgs}`, `path:${flake}`],
    ).trim();
    expect(readdirSync(out)).toEqual(readdirSync(join(root, "dist")));
  });
});
