/** Small derivations, each of which lets one known thing into its output, or nothing. */
import type { Cause, VariationName } from "@goatnote/build-comparison";
import { noon } from "./noon.ts";

export interface NixAnimal {
  name: string;
  /** What leaks, in words; "" for nothing. */
  leak: string;
  /** What the builder does; with bash and coreutils of the machine. */
  script: string;
  /** The cause that is to be named; undefined where nothing differs. */
  cause?: Cause;
  by?: VariationName | "always";
  /** Attributes of the derivation. */
  attributes?: string;
}

export const nixZoo: NixAnimal[] = [
  { name: "path", leak: "the folder of the build", script: "pwd > $out", cause: "build-path", by: "path" },
  {
    name: "cores",
    leak: "NIX_BUILD_CORES",
    script: "echo $NIX_BUILD_CORES > $out",
    cause: "parallelism",
    by: "parallelism",
  },
  { name: "kernel", leak: "uname -r", script: "uname -r > $out", cause: "kernel", by: "kernel" },
  { name: "processors", leak: "nproc", script: "nproc > $out", cause: "cpus", by: "cpus" },
  {
    name: "listing",
    leak: "the order in which a folder lists",
    script: "mkdir d; for i in a b c d e f g h i j k l; do : > d/$i; done; ls -U d > $out",
    cause: "order",
    by: "file-order",
  },
  { name: "date", leak: "the day of the build", script: `TZ=${noon} date +%F > $out`, cause: "timestamp", by: "time" },
  { name: "hostname", leak: "the name of the machine, which the sandbox fixes", script: "uname -n > $out" },
  { name: "umask", leak: "the umask, which Nix fixes", script: "umask > $out" },
  {
    name: "random",
    leak: "a random UUID",
    script: "mkdir $out; cat /proc/sys/kernel/random/uuid > $out/id",
    cause: "uuid",
    by: "always",
  },
  {
    name: "content-addressed",
    leak: "a random UUID, in what is content-addressed",
    script: "cat /proc/sys/kernel/random/uuid > $out",
    cause: "uuid",
    by: "always",
    attributes: '__contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256";',
  },
  {
    name: "clean-content-addressed",
    leak: "",
    script: "echo the same > $out",
    attributes: '__contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256";',
  },
  {
    name: "clean",
    leak: "",
    script: "echo x > x; tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf $out x",
  },
];

/** A flake of all, with a package that refers to one that differs and does not differ itself, one that is slow but once, and one that reads another while it is evaluated. */
export const nixZooFlake = `packages.\${system} = rec {
  ${nixZoo
    .map(
      ({ name, script, attributes = "" }) =>
        `${name} = derivation { name = "${name}"; inherit system; builder = "/bin/bash"; PATH = "/usr/bin:/bin"; args = [ "-euc" ${JSON.stringify(`${script}\nexit 0`)} ]; ${attributes} };`,
    )
    .join("\n  ")}
  hanging = derivation { name = "hanging"; inherit system; builder = "/bin/bash"; PATH = "/usr/bin:/bin"; args = [ "-euc" "sleep 1000" ]; };
  twins = let
    twin = script: derivation { name = "twin"; inherit system; builder = "/bin/bash"; PATH = "/usr/bin:/bin"; args = [ "-euc" "\${script}\nexit 0" ]; __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
  in derivation { name = "twins"; inherit system; builder = "/bin/bash"; args = [ "-euc" "[ -e \${twin "cat /proc/sys/kernel/random/uuid > $out"} ] && [ -e \${twin "echo the same > $out"} ]; echo x > $out; exit 0" ]; __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
  slow = derivation { name = "slow"; inherit system; builder = "/bin/bash"; PATH = "/usr/bin:/bin"; args = [ "-euc" "[ $PWD = /build ] || sleep 100; echo x > $out; exit 0" ]; };
  imported = derivation { name = "imported"; inherit system; builder = "/bin/bash"; args = [ "-euc" "echo \${builtins.readFile "\${random}/id"} > $out; exit 0" ]; };
  dependent = derivation { name = "dependent"; inherit system; builder = "/bin/bash"; args = [ "-euc" "echo \${random} > $out; exit 0" ]; };
};`;

/** What the sandbox shows of the machine, whose programs the zoo uses. */
export const nixZooSettings = `experimental-features = nix-command flakes ca-derivations
sandbox-paths = /bin /usr /lib /lib64`;
