/** A closure that a real Nix built: libraries with several outputs, downloads, patches, a cycle-free graph without nixpkgs. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type Derivation, openNix, type PathInfo, pathInfo, showDerivations } from "@goatnote/nix-store";

const crate = "what stands for a crate\n";
const patch = "what stands for a patch\n";
const tarball = "what stands for a tarball\n";

const flake = `{
  outputs = { self }: let
    sh = name: attrs: script: derivation ({
      inherit name;
      system = "x86_64-linux";
      builder = "/bin/sh";
      args = [ "-c" "\${script}; exit 0" ];
      PATH = "/usr/bin:/bin";
    } // attrs);
    fetch = name: url: file: derivation {
      inherit name url;
      urls = [ url ];
      system = "builtin";
      builder = "builtin:fetchurl";
      outputHash = builtins.hashFile "sha256" file;
      outputHashAlgo = "sha256";
      outputHashMode = "flat";
      unpack = false;
      executable = false;
    };
    crate = fetch "itoa-1.0.11.tar.gz" "https://static.crates.io/crates/itoa/itoa-1.0.11.crate" ./crate;
    gnu = fetch "hello-2.12.tar.gz" "mirror://gnu/hello/hello-2.12.tar.gz" ./tarball;
    fix = fetch "CVE-2024-12345.patch" "https://github.com/goatnote/lab/commit/0123456789abcdef.patch" ./patch;
    libc = sh "glibc-2.40-66" { } "echo libc > $out";
    tool = sh "tool-0.9" { } "echo tool > $out";
    lib = sh "itoa-1.0.11" {
      pname = "itoa";
      version = "1.0.11";
      src = crate;
      patches = [ fix ./local.patch ];
      inherit libc tool;
      outputs = [ "out" "dev" ];
    } "echo $libc > $out; echo $out > $dev";
  in {
    packages.x86_64-linux = {
      default = sh "hello-2.12" { inherit lib; src = gnu; inherit (lib) dev; } "mkdir $out; echo $lib $out > $out/hello";
      attrs = sh "attrs-1" {
        __structuredAttrs = true;
        builder = "/bin/bash";
        pname = "structured";
        version = "3.0~rc1";
        inherit lib;
      } "source .attrs.sh; echo $lib > \\\${outputs[out]}";
    };
  };
}
`;

/** What is known of a build. */
export interface Built {
  roots: string[];
  objects: PathInfo[];
  derivations: Derivation[];
}

export interface Lab {
  /** Builds an attribute and asks Nix what it is made of. */
  build: (attribute: string) => Promise<Built>;
  /** What the programs of Nix need to find its store. */
  env: NodeJS.ProcessEnv;
  remove: () => void;
}

/** @param folder of the store; two labs in one folder have the same store paths */
export function makeLab(nix: string, folder = realpathSync(mkdtempSync(join(tmpdir(), "sbom-lab-")))): Lab {
  const project = join(folder, "project");
  mkdirSync(project, { recursive: true });
  const files = { "flake.nix": flake, crate, patch, tarball, "local.patch": "a local patch\n" };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(project, name), content);
  const settings = {
    NIX_STORE_DIR: join(folder, "store"),
    NIX_STATE_DIR: join(folder, "var"),
    NIX_LOG_DIR: join(folder, "log"),
    NIX_CONF_DIR: join(folder, "conf"),
    NIX_CONFIG: `experimental-features = nix-command flakes
sandbox = false
build-users-group =
flake-registry =
substituters =`,
    NIX_REMOTE: "",
    XDG_CACHE_HOME: join(folder, "cache"),
  };
  const env = { ...process.env, ...settings };
  // What a download would have brought, with the path that its derivation has: there is no network here.
  mkdirSync(join(folder, "downloads"), { recursive: true });
  for (const [name, content] of [
    ["itoa-1.0.11.tar.gz", crate],
    ["hello-2.12.tar.gz", tarball],
    ["CVE-2024-12345.patch", patch],
  ] as const) {
    const file = join(folder, "downloads", name);
    writeFileSync(file, content);
    execFileSync(join(nix, "../nix-store"), ["--add-fixed", "sha256", file], { env, stdio: "ignore" });
  }
  return {
    build: async (attribute) => {
      Object.assign(process.env, settings);
      const opened = await openNix(nix);
      const { results, errors } = await build(opened, [`path:${project}#${attribute}`]);
      if (!results[0]) throw new Error(errors.join("\n"));
      const roots = [results[0].outputs.out!];
      return {
        roots,
        objects: await pathInfo(opened, roots, { recursive: true }),
        derivations: await showDerivations(opened, [results[0].derivation], { recursive: true }),
      };
    },
    env,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export const sha256 = (text: string | Uint8Array): string => createHash("sha256").update(text).digest("hex");
export const contents = { crate, patch, tarball };
