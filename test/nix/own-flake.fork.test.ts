/** The flake of this repository, and the job of our CI that builds it, before a real Nix. nixpkgs is not fetched: a flake of a page stands for it. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { rehearse, startBackend } from "@goatnote/rehearsal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { type Lab, makeLab } from "./lab.ts";

const actions = await build(); // which may take longer than a hook
const root = resolve(import.meta.dirname, "../..");

// What the flake asks of nixpkgs: sets of packages by system, a shell, and a derivation from a script.
const stub = `{
  outputs = { self }:
    let
      lib.genAttrs = names: make: builtins.listToAttrs (map (name: { inherit name; value = make name; }) names);
      # Node needs libraries that a sandbox has not: that it is asked to look at each file is what is left of it.
      functions = "node() { [ $1 = --check ]; }; xargs() { while IFS= read -r -d '' file; do $3 $4 $file; done; }";
      runCommand = system: name: env: script: derivation {
        inherit name system; builder = "\${./bash}";
        args = [ "-euc" "PATH=\${./bin}; \${functions}; \${script}" ];
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
    for (const tool of ["cp", "find", "touch"]) cpSync("/bin/busybox", join(nixpkgs, "bin", tool));
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

  /** Rehearses the job of ci.yml that builds the flake, alone, on a machine that has Nix and an empty store. */
  async function hermetic(change: (flake: string) => string = (flake) => flake) {
    const repository = join(realpathSync(lab.folder), `repository-${Math.random()}`);
    const workflow = ".github/workflows/ci.yml";
    const { jobs, ...rest } = parse(readFileSync(join(root, workflow), "utf8"));
    const files = {
      "flake.nix": change(readFileSync(join(root, "flake.nix"), "utf8")).replace(
        "github:NixOS/nixpkgs/nixos-unstable-small",
        `path:${nixpkgs}`,
      ),
      "dist/main.js": "",
      [workflow]: stringify({ ...rest, jobs: { hermetic: jobs.hermetic } }),
    };
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(repository, name)), { recursive: true });
      writeFileSync(join(repository, name), content);
    }
    nix("flake", "lock", `path:${repository}`);
    const git = (...args: string[]): string =>
      execFileSync("git", ["-C", repository, "-c", "user.name=o", "-c", "user.email=o@example.org", ...args], {
        encoding: "utf8",
      }).trim();
    git("init", "--quiet", "--initial-branch=main");
    git("add", "--all");
    git("commit", "--quiet", "--message", "x");
    symlinkSync(program, join(repository, ".git/nix"));
    await using backend = await startBackend({ repository: "octo/lab", defaultBranch: "main" });
    const { conclusion, jobs: ran } = await rehearse({
      workflow,
      repository,
      event: { name: "push", payload: {} },
      ref: "refs/heads/main",
      sha: git("rev-parse", "HEAD"),
      backend,
      actions,
      env: { ...lab.environment, HOME: lab.folder, PATH: join(repository, ".git") },
    });
    return { conclusion, log: ran.map(({ log }) => log).join("\n"), summary: ran.map(({ summary }) => summary).join() };
  }

  test("is built and proven by the job of our CI", async () => {
    const { conclusion, log, summary } = await hermetic();
    expect(conclusion, log).toBe("success");
    expect(log).toContain("hermetic=true");
    expect(summary).toContain("goatnote-actions");
  });

  test("is not passed by that job when its result differs each time", async () => {
    const { conclusion, log } = await hermetic((flake) =>
      flake.replace("cp -r ${./dist} $out", "echo $RANDOM$RANDOM > $out"),
    );
    expect(conclusion, log).toBe("failure");
    expect(log).toContain("goatnote-actions.drv differs when it is built again");
  });
});
