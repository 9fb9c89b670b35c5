/**
 * Builds the tree that is published for each action: `tsc` emits JavaScript, `@vercel/ncc` bundles it.
 * ncc cannot compile with TypeScript 7 beside it, so it is only ever fed the emitted JavaScript.
 * This is the only file that knows the bundler.
 *
 *   node scripts/build.ts            fresh build in build/<hash of the sources>/, once per hash
 *   node scripts/build.ts --dist     the same, then copied to dist/
 *   node scripts/build.ts --check    fails when dist/ differs from a rebuild
 */
import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  type Dirent,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join, posix } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { minifySync } from "rolldown/utils";
import { actionNames } from "./action-names.ts";
import { writeLicences } from "./licences.ts";

const root = dirname(import.meta.dirname);
const emitted = join(root, "build/js");
const require = createRequire(import.meta.url);

/** Where this repository is. */
export const repository = "https://github.com/goatnote/actions";

// `debug` asks for the one inside a try block and works without; the other is needed only for a proxy that wants Kerberos,
// and its absence is then an error that says so.
const optional = new Set(["supports-color", "kerberos"]);

/** What ncc gives back, as far as it is used here. Its package has no types. */
interface Bundle {
  code: string;
  assets: Record<string, { source: string | Buffer }>;
  stats: { compilation: { modules: Iterable<WebpackModule> } };
}
interface WebpackModule {
  resource?: string;
  modules?: WebpackModule[];
}

/** Bytes of source, by the package that they are of. */
type Sizes = Record<string, number>;
/** What a process that bundles says of an action: one of both. */
interface Bundled {
  sizes?: Sizes;
  error?: string;
}

/** The hash of everything a bundle is made from: sources, manifests, lockfile, this script. Hex. */
function sourceKey(): string {
  const files = globSync(
    [
      "actions/**/*",
      "packages/*/src/**/*.ts",
      "packages/*/package.json",
      "package-lock.json",
      "tsconfig.json",
      "scripts/{build,licences}.ts",
      "LICENSE",
    ],
    {
      cwd: root,
      withFileTypes: true,
      exclude: (entry) => entry.name === "node_modules" || entry.name.endsWith(".test.ts"),
    },
  )
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash("sha256");
  for (const file of files) hash.update(file.slice(root.length)).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

/** Emits all sources as JavaScript to build/js, where workspace names resolve to the emitted files. */
function emit(): void {
  rmSync(emitted, { recursive: true, force: true });
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  const sources = globSync(["actions/*/src/**/*.ts", "packages/*/src/**/*.ts"], {
    cwd: root,
    exclude: ["**/*.test.ts", "packages/rehearsal/**"],
  });
  const project = join(root, "build/tsconfig.json");
  mkdirSync(join(root, "build"), { recursive: true });
  writeFileSync(
    project,
    JSON.stringify({
      extends: "../tsconfig.json",
      compilerOptions: { noEmit: false, rootDir: "..", outDir: "js", allowImportingTsExtensions: false },
      include: [],
      files: sources.map((file) => `../${file}`),
    }),
  );
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", project], { encoding: "utf8" });
  if (status !== 0) throw new Error(`tsc found errors; nothing was built.\n${stdout}`);
  const scope = join(emitted, "node_modules/@goatnote");
  mkdirSync(scope, { recursive: true });
  for (const name of readdirSync(join(emitted, "packages"))) {
    writeFileSync(
      join(emitted, "packages", name, "package.json"),
      JSON.stringify({ type: "module", exports: "./src/index.js", sideEffects: false }),
    );
    symlinkSync(join("../../packages", name), join(scope, name), "junction");
  }
  shakeable("@actions/core");
  for (const name of readdirSync(join(emitted, "actions"))) {
    writeFileSync(join(emitted, "actions", name, "package.json"), JSON.stringify({ type: "module" }));
  }
}

/**
 * Puts a package where the emitted files find it first, marked as one whose unused modules may be left out. `@actions/core`
 * says nothing of that, so every bundle would start with the HTTP client (400 kB) that only its OIDC tokens need.
 */
function shakeable(name: string): void {
  const [from, to] = ["node_modules", "build/js/node_modules"].map((folder) => join(root, folder, name)) as [
    string,
    string,
  ];
  cpSync(from, to, { recursive: true });
  const manifest = join(to, "package.json");
  writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, "utf8")), sideEffects: false }));
}

/**
 * Bundles a JavaScript file and all it imports into the folder `to`, as a minified `index.js` and its chunks.
 * @returns absolute paths of the files that went in
 */
export async function bundleEntry(entry: string, to: string): Promise<string[]> {
  const ncc = require("@vercel/ncc") as (entry: string, options: object) => Promise<Bundle>;
  const { code, assets, stats } = await ncc(entry, { cache: false, quiet: true, esm: true, target: "es2024" });
  const files = bundledFiles(stats.compilation.modules);
  const missing = files.find((file) => file.includes("@@notfound") && !optional.has(file.split("?")[1] ?? ""));
  if (missing) throw new Error(`${entry}: the bundle lacks ${missing.split("?")[1]}; add it to the dependencies.`);
  mkdirSync(to, { recursive: true });
  for (const [file, source] of [
    ["index.js", code],
    ...Object.entries(assets).map(([file, asset]) => [file, asset.source] as const),
  ] as const) {
    writeFileSync(join(to, file), file.endsWith(".js") ? minified(file, source.toString()) : source);
  }
  return files;
}

/**
 * Bundles one action into the folder `to`, beside copies of its metadata, README and entries.
 * @returns the bytes of source that each package gave the bundle
 */
async function bundle(name: string, to: string): Promise<Sizes> {
  const files = await bundleEntry(join(emitted, "actions", name, "src/index.js"), join(to, "bundle"));
  writeFileSync(join(to, "package.json"), '{ "type": "module" }\n');
  const published = globSync(
    [
      "action.yml",
      "{README,CHANGELOG}.md",
      "*.schema.json",
      "*.sh",
      "{main,post}.js",
      "*/action.yml",
      "*/{main,post}.js",
    ],
    { cwd: join(root, "actions", name) },
  );
  for (const file of published) cpSync(join(root, "actions", name, file), join(to, file));
  const readme = join(to, "README.md");
  writeFileSync(readme, withAbsoluteLinks(readFileSync(readme, "utf8"), `actions/${name}`));
  if (existsSync(join(root, "LICENSE"))) cpSync(join(root, "LICENSE"), join(to, "LICENSE"));
  writeLicences(files, join(to, "licences.txt"));
  return bytesByPackage(files);
}

/** A process that bundles actions, one after the other: ncc uses one processor, and is the faster the more it has run. */
class Bundler {
  readonly #child: ChildProcess = fork(import.meta.filename, ["--bundle"], { execArgv: [] });

  bundle(name: string, to: string): Promise<Sizes> {
    return new Promise((resolve, reject) => {
      this.#child.once("message", ({ sizes, error }: Bundled) => (sizes ? resolve(sizes) : reject(new Error(error))));
      this.#child.once("error", reject);
      this.#child.once("exit", () => reject(new Error(`${name}: the process that bundles it ended early.`)));
      this.#child.send([name, to]);
    });
  }

  end(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}

function bytesByPackage(files: string[]): Sizes {
  const bytes: Sizes = {};
  for (const file of new Set(files)) {
    const name = /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file)?.[1]?.replaceAll("\\", "/");
    if (name && existsSync(file)) bytes[name] = (bytes[name] ?? 0) + statSync(file).size;
  }
  return bytes;
}

/**
 * A README whose links out of its folder lead into the monorepo, since nothing of it is beside a published action.
 * @param folder of the README, from the root, with forward slashes
 */
export function withAbsoluteLinks(readme: string, folder: string): string {
  return readme.replace(/(!?)(\[[^\]\n]*\])\((\.\.\/[^)\s]*)\)/g, (_, image: string, text: string, link: string) => {
    const path = posix.join(folder, link);
    return `${image}${text}(${repository}/${image ? "raw" : "blob"}/main/${path})`;
  });
}

/** ncc itself minifies the entry only, so it is told not to, and every chunk is minified here. */
function minified(file: string, source: string): string {
  const { code, errors } = minifySync(file, source, { module: true, compress: { target: "es2024" } });
  if (errors.length > 0) throw new Error(`${file} cannot be minified: ${errors[0]?.message}`);
  return code;
}

function bundledFiles(modules: Iterable<WebpackModule>): string[] {
  return [...modules].flatMap((module) => [
    ...(module.resource ? [module.resource] : []),
    ...bundledFiles(module.modules ?? []),
  ]);
}

/**
 * Builds every action, unless the present sources are built already. A finished build stays as it is, so that a
 * rehearsal can use it while sources change.
 * @returns the folder that holds one folder per action, as it would be published
 */
export async function build(): Promise<string> {
  const finished = join(root, "build", sourceKey().slice(0, 16));
  const isThere = (): boolean => existsSync(finished) && existsSync(sizesBeside(finished));
  if (isThere()) return finished;
  const end = await turn(join(root, "build/lock"));
  try {
    if (!isThere()) await buildTo(finished);
    return finished;
  } finally {
    end();
  }
}

/** Waits while another worker or process builds, in the same folder and mostly the same. @returns what ends this one's turn */
async function turn(lock: string): Promise<() => void> {
  mkdirSync(dirname(lock), { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (isLeft(lock)) rmSync(lock, { force: true });
    await sleep(200);
  }
}

/** Whether who made a lock cannot end its turn any more: its process is gone, or a worker in it was stopped. */
function isLeft(lock: string): boolean {
  try {
    if (statSync(lock).mtimeMs < Date.now() - 900_000) return true;
    process.kill(Number(readFileSync(lock, "utf8")), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

async function buildTo(finished: string): Promise<void> {
  const working = `${finished}.${process.pid}`;
  emit();
  const sizes: Record<string, Sizes> = {};
  const names = actionNames();
  const queue = names.values();
  const worker = async (): Promise<void> => {
    const bundler = new Bundler();
    try {
      for (const name of queue) {
        const started = performance.now();
        sizes[name] = await bundler.bundle(name, join(working, name));
        console.log(`build: ${name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
      }
    } finally {
      bundler.end();
    }
  };
  // Each takes 600 MB for a moment.
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 3) }, worker));
  writeFileSync(sizesBeside(finished), JSON.stringify(Object.fromEntries(names.map((name) => [name, sizes[name]]))));
  if (existsSync(finished)) rmSync(working, { recursive: true });
  else renameSync(working, finished);
  forgetOldBuilds(finished);
}

/** Where a build says, for each action, how many bytes of source each package gave its bundle. It is no part of what is published. */
export const sizesBeside = (built: string): string => `${built}.sizes.json`;

/** Also what Node compiled of builds and of tests' folders, which are others each time. */
function forgetOldBuilds(present: string): void {
  const dayAgo = Date.now() - 86_400_000;
  const builds = entriesOf(join(root, "build"))
    .filter((path) => /^[0-9a-f]{16}/.test(basename(path)))
    .filter((path) => path !== present && path !== sizesBeside(present));
  const compiled = entriesOf(join(root, "build/compile-cache")).flatMap(entriesOf);
  for (const path of [...builds, ...compiled])
    if ((statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? dayAgo) < dayAgo)
      rmSync(path, { recursive: true, force: true });
}

const entriesOf = (folder: string): string[] =>
  existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];

/** Paths below `folder`, hidden ones too, each with what it is and its content, for comparing two trees. */
export function tree(folder: string): Map<string, string> {
  // Not by `recursive`, which follows links to folders.
  const entriesIn = (below: string): Dirent[] =>
    readdirSync(below, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? entriesIn(join(below, entry.name)) : [entry],
    );
  return new Map(
    entriesIn(folder).map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const content = entry.isSymbolicLink()
        ? `link to ${readlinkSync(path)}`
        : entry.isFile()
          ? `file ${readFileSync(path, "latin1")}`
          : "no file";
      return [path.slice(folder.length + 1), content];
    }),
  );
}

if (import.meta.main && process.argv[2] === "--bundle") {
  process.on("message", async ([name, to]: [string, string]) => {
    const bundled: Bundled = await bundle(name, to).then(
      (sizes) => ({ sizes }),
      (error: Error) => ({ error: error.message }),
    );
    process.send?.(bundled);
  });
} else if (import.meta.main) {
  const from = await build();
  const dist = join(root, "dist");
  if (process.argv.includes("--dist")) {
    rmSync(dist, { recursive: true, force: true });
    cpSync(from, dist, { recursive: true });
  }
  if (process.argv.includes("--check")) {
    const [ours, committed] = [tree(from), tree(dist)];
    const differing = [...new Set([...ours.keys(), ...committed.keys()])].filter(
      (file) => ours.get(file) !== committed.get(file),
    );
    if (differing.length > 0) {
      console.error(
        `dist/ differs from a rebuild in ${differing.length} files: ${differing.slice(0, 5).join(", ")}. Run: node scripts/build.ts --dist`,
      );
      process.exit(1);
    }
  }
}
