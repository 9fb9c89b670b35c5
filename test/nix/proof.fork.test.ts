/** What may not pass for a proof, tried with the built action on the oldest and the newest Nix. */
import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { readSigningKey } from "@goatnote/nix-store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspect, sourceReasons } from "../../actions/nix-hermetic-build/src/hermetic.ts";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { type Lab, makeLab } from "./lab.ts";
import { Runner } from "./runner.ts";

const random = "read some < /proc/sys/kernel/random/uuid";
const packages = `packages.\${system} = {
  default = make "app-1" "echo x > $out";
  clock = make "clock-1" "${random}; echo $some > $out";
  addressed = makeWith { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; } "addressed-1" "${random}; echo $some > $out";
  impure = makeWith { __impure = true; } "impure-1" "echo x > $out";
  fixed = makeWith { outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"; } "fixed-1" "echo -n x > $out";
  imported = make "app-2" "echo \${builtins.readFile (make "imported-1" "${random}; echo -n $some > $out")} > $out";
};
checks.\${system}.open = makeWith { __noChroot = true; } "open-check" "echo x > $out";
devShells.\${system} = {
  default = shell { FROM_SHELL = "two"; LD_PRELOAD = "/x.so"; BASH_ENV = "/x.sh"; ENV = "/x.sh"; NIX_CONFIG = "sandbox = false"; NODE_PATH = "/x"; OPENSSL_CONF = "/x"; DYLD_INSERT_LIBRARIES = "/x"; };
  open = shell { __noChroot = true; };
};`;
const withShell = `shell = more: derivation ({ name = "shell"; inherit system; builder = "\${./bin}/bash"; outputs = [ "out" ];
  stdenv = make "stdenv" "mkdir $out; echo : > $out/setup"; } // more);`;

await build();

test("an input whose lock has no hash is told; one of the flake's own sources needs none", () => {
  const input = { type: "path", url: "path:x", revision: null };
  const metadata = {
    ...{ url: "", revision: null, dirtyRevision: null, narHash: null, lastModified: null, path: "" },
    inputs: [
      { ...input, name: "open", narHash: null, own: false },
      { ...input, name: "locked", narHash: "sha256-x", own: false },
      { ...input, name: "mine", narHash: null, own: true },
    ],
  };
  const nix = { program: "nix", version: "2.34.8", storeDir: "/nix/store", options: [], settings: { sandbox: true } };
  const told = inspect(nix, ".", metadata, []).reasons.filter((reason) => reason.includes("input"));
  expect(told).toEqual(["The input `open` is not locked by a hash; run `nix flake lock`."]);
});

test("a flake that is fetched without a revision is none that a proof could name", () => {
  const metadata = {
    url: "",
    revision: null,
    dirtyRevision: null,
    narHash: null,
    lastModified: null,
    path: "",
    inputs: [],
  };
  const revision = "0".repeat(40);
  expect(sourceReasons("github:o/r", { ...metadata, revision })).toEqual([
    expect.stringContaining("without a revision"),
  ]);
  expect(sourceReasons("nixpkgs", { ...metadata, revision })).toHaveLength(1);
  expect(sourceReasons(`github:o/r/${revision}`, { ...metadata, revision })).toEqual([]);
});

describe.each(["nix", "nix-newest"])("%s", (peer) => {
  describeWithPeer(peer, (program) => {
    let lab: Lab;
    let runner: Runner;
    let folder: string;
    let flake: string;
    let keys: Record<string, string>;
    const nix = (...args: string[]): string =>
      execFileSync(program, args, { encoding: "utf8", env: { ...process.env, ...lab.environment } }).trim();
    const prove = (inputs: Record<string, string>, options = {}) =>
      runner.job({ flake, check: "false", "require-hermetic": "true", ...inputs }, options);
    const refused = async (inputs: Record<string, string>, reason: RegExp, options = {}): Promise<void> => {
      const { code, log, outputs } = await prove(inputs, options);
      expect([code, outputs.hermetic ?? "false"], log).toEqual([1, "false"]);
      expect(log.replace(/%0A/g, "\n")).toMatch(reason);
    };

    beforeAll(async () => {
      lab = makeLab("experimental-features = nix-command flakes ca-derivations impure-derivations");
      runner = await Runner.start(await build(), program, lab);
      folder = lab.flake("flake", packages.replaceAll("shell {", `(let ${withShell} in shell) {`));
      flake = `path:${folder}`;
      const secret = nix("key", "generate-secret", "--key-name", "lab-1");
      keys = { "cache-public-key": readSigningKey(secret).publicKey, "cache-signing-key": secret };
    });
    afterAll(async () => {
      await runner.backend.close();
      lab.remove();
    });

    test("a content-addressed result is not taken for one that was built again", () =>
      refused({ installables: "addressed" }, /addressed-1\.drv is content-addressed: not built a second time/));

    test("a derivation that calls itself impure is none that a proof covers", () =>
      refused({ installables: "impure" }, /impure-1\.drv says `__impure`/));

    test("a sandbox that may be left out, or shows more of the host, is told", async () => {
      await refused({}, /sandbox-fallback` is on/, { env: { NIX_CONFIG: "sandbox-fallback = true" } });
      await refused({}, /sandbox-paths` shows builds more of the host: \/etc\/hostname/, {
        env: { NIX_CONFIG: "extra-sandbox-paths = /etc/hostname" },
      });
    });

    test("a result that a hash fixes is named among what was not tried", async () => {
      const { code, log, summary } = await prove({ installables: "fixed" });
      expect(code, log).toBe(0);
      expect(summary).toMatch(/Not checked:\*\* .*second build of fixed-1\.drv/);
    });

    test("nothing inspected is nothing proven", async () => {
      await refused({ installables: "none" }, /No derivation was inspected/);
      await refused({ installables: "none", "max-closure-size": "1" }, /need a result to look at/);
      await refused({ develop: "default", "forbidden-references": "x" }, /need a result to look at/);
    });

    test("the derivations of checks and of the shell are inspected", async () => {
      await refused({ develop: "open" }, /shell\.drv says `__noChroot`/);
      const relaxed = { env: { NIX_CONFIG: "sandbox = relaxed" } };
      await refused({ installables: "none", check: "true" }, /open-check\.drv says `__noChroot`/, relaxed);
    });

    test("import from derivation is told and builds where no proof is asked for", async () => {
      await refused({ installables: "imported" }, /imports from a derivation \(IFD\): imported-1/);
      const { code, log, outputs } = await runner.job({ flake, check: "false", installables: "imported" });
      expect([code, outputs.hermetic], log).toEqual([0, "false"]);
    });

    test.each([
      ["another flake", { installables: "path:/other#x" }, /not of `flake`/],
      ["another flake's default", { installables: "./other" }, /not of `flake`/],
      ["another flake's image", { image: "github:o/r#x" }, /not of `flake`/],
      ["an option as installable", { installables: "default\n--impure" }, /takes for an option/],
      ["an option as flake", { flake: "--impure" }, /takes for an option/],
      ["an option as shell", { develop: "--impure" }, /takes for an option/],
      ["an option as image", { image: "-f" }, /takes for an option/],
    ])("%s is refused", (_, inputs, reason) => refused(inputs as Record<string, string>, reason));

    test("a checkout with changes is told from a commit", async () => {
      const git = (...args: string[]) =>
        execFileSync("git", ["-C", at, "-c", "user.name=x", "-c", "user.email=x@example.org", ...args]);
      const at = lab.flake("checkout", `packages.\${system}.default = make "app-3" "echo x > $out";`);
      git("init", "-q");
      git("add", ".");
      git("commit", "-qm", "first");
      const clean = await prove({ flake: `git+file://${at}` });
      expect(clean.code, clean.log).toBe(0);
      appendFileSync(join(at, "flake.nix"), "# changed\n");
      await refused({ flake: `git+file://${at}` }, /checkout has changes that no commit has/);
    });

    test("a proof builds on this machine alone; else other builders and hooks are told", async () => {
      const builders = "builders = ssh://nobody@127.0.0.1 riscv64-linux";
      const proven = await prove({}, { env: { NIX_CONFIG: `${builders}\nmax-jobs = 0` } });
      expect([proven.code, proven.outputs.hermetic], proven.log).toEqual([0, "true"]);
      const { outputs, summary } = await runner.job({ flake, check: "false" }, { env: { NIX_CONFIG: builders } });
      expect([outputs.hermetic, summary]).toEqual(["false", expect.stringContaining("builders")]);
      await refused({}, /pre-build-hook/, { env: { NIX_CONFIG: "pre-build-hook = /bin/true" } });
    });

    test("what was refused or is not proven is neither signed nor saved", async () => {
      const entries = runner.backend.state.caches.length;
      const clock = await prove({ ...keys, installables: "clock" });
      expect([clock.code, clock.post.includes("saved:")], clock.post).toEqual([1, false]);
      const imported = await runner.job({ flake, check: "false", installables: "imported", ...keys });
      expect([imported.code, imported.log]).toEqual([0, expect.stringContaining("Nothing is signed and saved")]);
      expect(runner.backend.state.caches).toHaveLength(entries);
    });

    test("a signing key is no part of a build without sandbox, a shell or a stranger's event", async () => {
      const { code, log, outputs } = await runner.job(
        { flake, check: "false", ...keys },
        { env: { NIX_CONFIG: "sandbox = false" } },
      );
      expect([code, outputs.built], log).toEqual([1, undefined]);
      expect(log).toContain("nothing is built outside a sandbox");
      expect(log).not.toContain("::group::app-1");
      await refused({ ...keys, develop: "default" }, /put them into two jobs/);
      for (const event of ["pull_request", "pull_request_target"])
        await refused(keys, new RegExp(`is given on ${event}`), { event });
    });

    test("a shell cannot seize the following steps by its variables", async () => {
      const { code, log, variables } = await runner.job({ flake, check: "false", develop: "default" });
      expect(code, log).toBe(0);
      expect(variables.FROM_SHELL).toBe("two");
      const seized = /^(LD_|DYLD_|NIX_|NODE_|GITHUB_|RUNNER_|ACTIONS_|(BASH_ENV|ENV|OPENSSL_CONF)$)/;
      expect(Object.keys(variables).filter((name) => seized.test(name))).toEqual([]);
    });
  });
});
