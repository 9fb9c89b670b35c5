/** `nix-hermetic-build`: checks, builds, proves and reports; the cache is saved after the job. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { saveState } from "@actions/core";
import {
  annotate,
  readContext,
  readInputs,
  say,
  setOutputs,
  UserError,
  type WorkflowContext,
  writeSummary,
} from "@goatnote/action-io";
import {
  type BuildResult,
  call,
  type Derivation,
  type FlakeMetadata,
  flakeMetadata,
  hashNar,
  type KnownPath,
  lockedOnly,
  type Nix,
  openNix,
  pathInfo,
  showDerivations,
} from "@goatnote/nix-store";
import { writeBills } from "./bills.ts";
import { cacheOptions, fromCache, type RestoredCache, restore, withoutCache } from "./cache.ts";
import { demand } from "./demands.ts";
import { exportShell, runInShell } from "./develop.ts";
import { differenceToBase } from "./difference.ts";
import { buildPure, checksOf, type Named, shellOf } from "./evaluate.ts";
import { factsOf } from "./facts.ts";
import { succeed } from "./failures.ts";
import { type Files, writeFiles } from "./files.ts";
import { atHome, inspect, type Probed, probeReasons, sandboxReasons } from "./hermetic.ts";
import { checkImage } from "./image.ts";
import { contradictions, type Inputs, installableOf, namesOf, runInputs } from "./inputs.ts";
import { follow } from "./logs.ts";
import { rebuild } from "./rebuild.ts";
import { type Facts, summarise } from "./report.ts";

/** What every part of a run is given. */
interface Job {
  nix: Nix;
  inputs: Inputs;
  context: WorkflowContext;
  /** A folder for what is handed out. */
  folder: string;
}

export async function run(): Promise<void> {
  const inputs = readInputs(runInputs, process.env, contradictions);
  const context = await readContext(process.env);
  const folder = join(context.temp, "nix-hermetic-build");
  await mkdir(folder, { recursive: true });
  const { plain, probed } = await openSafely(inputs, context, folder);
  const cache = await withCache(plain, inputs);
  const job: Job = { nix: cache.nix, inputs, context, folder };

  const metadata = await metadataOf(job);
  const made = await make(job);
  const proof = await prove(job, made, metadata, probed);
  const closure = await closureOf(job.nix, made.outputs);
  const difference = await differenceToBase(job.nix, inputs, context, closure);
  const image = inputs.image ? await imageOf(job, made.results) : null;
  const bills = await billsOf(job, made, closure, metadata);

  const facts = factsOf({ nix: job.nix, made, proof, probed, closure, difference, image, cache });
  tell(facts, await writeFiles(facts, metadata, folder), bills);
  await writeSummary(summarise(facts), process.env.GITHUB_STEP_SUMMARY);
  demand(inputs, facts, closure, made.outputs);
  await noteForCache(job, facts, made);
  await develop(job);
}

/** Nix, and what a build sees of this machine: asked first, since a build that sees it could take the signing key from it. */
async function openSafely(
  inputs: Inputs,
  context: WorkflowContext,
  folder: string,
): Promise<{ plain: Nix; probed: Probed }> {
  const signs = inputs["cache-signing-key"] !== "";
  if (signs && context.trust !== "push")
    throw new UserError(
      `\`cache-signing-key\` is given on ${context.event || "an event"}, which builds what others wrote. Give it only to a job that runs after a push.`,
    );
  const found = await openNix();
  const plain = inputs["require-hermetic"] ? { ...found, options: [...found.options, ...atHome(found)] } : found;
  say(`Nix ${plain.version}, store ${plain.storeDir}`);
  const probed = await probeReasons(plain, folder);
  const open = [...sandboxReasons(plain), ...probed.reasons];
  if (signs && open.length > 0)
    throw new UserError(`With \`cache-signing-key\` nothing is built outside a sandbox. ${open.join(" ")}`);
  return { plain, probed };
}

/** The cache, restored and checked, as one more substituter. */
export interface Cached {
  nix: Nix;
  restored?: RestoredCache;
  /** What came of it, in words. */
  note: string;
}

async function withCache(nix: Nix, inputs: Inputs): Promise<Cached> {
  const reason = withoutCache(inputs);
  if (reason !== undefined) return { nix, note: reason };
  const restored = await restore(nix, inputs);
  const bytes = restored.paths.reduce((sum, { narSize }) => sum + narSize, 0);
  const note = `The signed cache had ${restored.paths.length} objects (${(bytes / 1e6).toFixed(1)} MB), restored and checked in ${restored.seconds.toFixed(1)} s; ${restored.refused.length} were refused.`;
  say(note);
  annotate(
    restored.refused.map(({ file, reason: why }) => ({
      kind: "warning",
      title: "Refused from the cache",
      message: `${file}: ${why}. It is built again.`,
    })),
  );
  return { nix: { ...nix, options: [...nix.options, ...cacheOptions(inputs)] }, restored, note };
}

const metadataOf = ({ nix, inputs, context }: Job): Promise<FlakeMetadata> =>
  flakeMetadata(nix, inputs.flake, context.workspace).catch((error: Error) => {
    throw new UserError(
      `The flake ${inputs.flake} cannot be read, or its lock file is not complete (run \`nix flake lock\`): ${error.message}`,
    );
  });

/** What was checked and built. */
export interface Made {
  /** Of `nix flake check` and of `nix build`. */
  runs: (BuildResult & { reasons: string[] })[];
  results: BuildResult["results"];
  /** Store paths of all outputs of the results. */
  outputs: string[];
  /** All that results, checks, shell and what was built on the way are made from. */
  graph: Derivation[];
  /** Why the graph may lack something. */
  reasons: string[];
}

async function make({ nix, inputs, context: { workspace: cwd } }: Job): Promise<Made> {
  const { flake } = inputs;
  const about = { nix, flake, cwd };
  const installables = namesOf(inputs).map((name) => installableOf(flake, name));
  const runs: Made["runs"] = [];
  if (inputs.check)
    runs.push(
      await succeed(
        await buildPure(nix, [flake], follow(), { command: ["flake", "check"], cwd }),
        "nix flake check",
        about,
      ),
    );
  if (installables.length > 0)
    runs.push(
      await succeed(await buildPure(nix, installables, follow(), { args: ["--keep-going"], cwd }), "nix build", about),
    );
  const results = runs.flatMap((each) => each.results);
  const named: Named[] = [];
  if (inputs.check) named.push(await checksOf(nix, flake, cwd));
  if (inputs.develop) named.push(await shellOf(nix, installableOf(flake, inputs.develop), cwd));
  const derivations = new Set([
    ...results.map(({ derivation }) => derivation),
    ...named.flatMap((each) => each.derivations),
    ...runs.flatMap((each) => each.built.map(({ derivation }) => derivation)),
  ]);
  return {
    runs,
    results,
    outputs: results.flatMap((each) => Object.values(each.outputs)),
    graph: await showDerivations(nix, [...derivations], { recursive: true }),
    reasons: [...new Set([...runs, ...named].flatMap((each) => each.reasons))],
  };
}

/** Whether the build is hermetic, as far as it can be told. */
export interface Proof {
  reasons: string[];
  fixed: Facts["fixed_outputs"];
  /** The second build; null where none was asked for. */
  again: Awaited<ReturnType<typeof rebuild>> | null;
}

async function prove({ nix, inputs }: Job, made: Made, metadata: FlakeMetadata, probed: Probed): Promise<Proof> {
  const { reasons, fixed } = inspect(nix, inputs.flake, metadata, made.graph);
  const builtHere = new Set(made.runs.flatMap((each) => each.built.map(({ derivation }) => derivation)));
  const roots = made.results.map(({ derivation }) => derivation);
  const which = partOf(made.graph, made.results)
    .map(({ path }) => path)
    .filter((path) => builtHere.has(path) && !roots.includes(path));
  const again = inputs["require-hermetic"] ? await rebuild(nix, made.graph, [...new Set([...which, ...roots])]) : null;
  return { reasons: [...reasons, ...made.reasons, ...probed.reasons, ...(again?.reasons ?? [])], fixed, again };
}

/** What the results are built from; checks and shells are no part of them. */
function partOf(graph: readonly Derivation[], results: BuildResult["results"]): Derivation[] {
  const byPath = new Map(graph.map((each) => [each.path, each]));
  const part = new Set(results.map(({ derivation }) => derivation));
  for (const path of part) for (const input of Object.keys(byPath.get(path)?.inputDerivations ?? {})) part.add(input);
  return graph.filter(({ path }) => part.has(path));
}

/** The runtime closure of the results, whose own bytes are looked at. */
async function closureOf(nix: Nix, outputs: readonly string[]): Promise<KnownPath[]> {
  const closure = await pathInfo(nix, outputs, { recursive: true });
  for (const { path, narHash } of closure)
    if (outputs.includes(path) && hashNar(path).hash !== narHash)
      throw new UserError(
        `${path} has other bytes than Nix registered. Run \`nix store verify --all\`; the store is damaged.`,
      );
  return closure;
}

async function imageOf({ nix, inputs, context }: Job, results: BuildResult["results"]): Promise<Facts["image"]> {
  // Its place among the results is not sure: it may be one of the installables too, and under another name.
  const asked = ["path-info", "--derivation", lockedOnly, installableOf(inputs.flake, inputs.image)];
  const { stdout } = await call(nix, asked, { cwd: context.workspace });
  const made = results.find(({ derivation }) => derivation === stdout.trim());
  const path = Object.values(made?.outputs ?? {})[0];
  if (!path) throw new UserError(`\`image\` (${inputs.image}) built no output.`);
  return { ...(await checkImage(path)), load: `docker load --input ${path}` };
}

async function billsOf(
  { nix, inputs, context, folder }: Job,
  { outputs, results, graph }: Made,
  closure: KnownPath[],
  metadata: FlakeMetadata,
): Promise<[string, string]> {
  if (inputs.sbom === "none" || outputs.length === 0) return ["", ""];
  const made = namesOf(inputs).map((name, i) => ({
    installable: installableOf(inputs.flake, name),
    path: Object.values(results[i]?.outputs ?? {})[0] ?? "",
  }));
  const about = { roots: outputs, closure, derivations: partOf(graph, results), made, scope: inputs.sbom, metadata };
  return writeBills(nix, about, folder, context.workspace);
}

/** The outputs, and the numbers in the log. @param bills paths of the CycloneDX and the SPDX document, or "" */
function tell(facts: Facts, files: Files, bills: [string, string]): void {
  setOutputs({
    "store-paths": facts.results.map((each) => each.store_path),
    "drv-paths": [...new Set(facts.results.map((each) => each.derivation))],
    "nar-hash": facts.results[0]?.nar_sha256 ?? "",
    "subject-checksums": files.checksums,
    "closure-digest": facts.closure.digest,
    "closure-size": facts.closure.size,
    "closure-growth": "base" in facts.difference ? facts.difference.sizeAfter - facts.difference.sizeBefore : "",
    "build-seconds": facts.build_seconds.toFixed(1),
    built: facts.built,
    substituted: facts.substituted,
    restored: facts.restored,
    "cache-refused": facts.cache_refused.length,
    "nix-version": facts.nix_version,
    hermetic: facts.hermetic,
    offline: facts.rebuilt?.offline ?? "not-run",
    "sbom-cyclonedx": bills[0],
    "sbom-spdx": bills[1],
    "image-digest": facts.image?.digest ?? "",
    "resolved-dependencies": files.dependencies,
    report: files.report,
  });
  say(`built=${facts.built} substituted=${facts.substituted} restored=${facts.restored} hermetic=${facts.hermetic}`);
}

/** Tells the post step what to save. What was built on the way is of use too when only the last step changes. */
async function noteForCache({ nix, inputs }: Job, facts: Facts, { outputs, graph, runs }: Made): Promise<void> {
  if (inputs["cache-signing-key"] !== "" && !facts.hermetic)
    return say(
      `Nothing is signed and saved, since the build is not proven hermetic. ${facts.hermetic_reasons.join(" ")}`,
    );
  const paths = graph.flatMap((each) => Object.values(each.outputs).flatMap(({ path }) => path ?? []));
  const valid = paths.length > 0 ? await pathInfo(nix, paths) : [];
  saveState("outputs", [...valid.map(({ path }) => path), ...outputs]);
  saveState(
    "used",
    fromCache(runs).map(({ path }) => path),
  );
}

async function develop({ nix, inputs, context, folder }: Job): Promise<void> {
  if (inputs.develop === "") return;
  const shell = installableOf(inputs.flake, inputs.develop);
  if (inputs.command) return runInShell(nix, shell, inputs.command, context.workspace, folder);
  const names = await exportShell(nix, shell, context.workspace);
  say(`Set for the following steps: ${names.join(", ")}`);
}
