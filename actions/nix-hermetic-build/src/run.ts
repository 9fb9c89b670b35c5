/** `nix-hermetic-build`: checks, builds, proves and reports; the cache is saved after the job. */
import { appendFile, mkdir, writeFile } from "node:fs/promises";
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
  chainTo,
  closureDigest,
  closureSize,
  type Derivation,
  dependenciesOf,
  flakeMetadata,
  hashHex,
  hashNar,
  type KnownPath,
  lastWords,
  lockedOnly,
  type Nix,
  nameOf,
  openNix,
  pathInfo,
  showDerivations,
} from "@goatnote/nix-store";
import { writeBills } from "./bills.ts";
import { cacheFolder, cacheOptions, type RestoredCache, restore, withoutCache } from "./cache.ts";
import { exportShell, runInShell } from "./develop.ts";
import { buildPure, checksOf, type Named, shellOf } from "./evaluate.ts";
import { atHome, inspect, probeReasons, rebuildReasons, sandboxReasons } from "./hermetic.ts";
import { checkImage } from "./image.ts";
import { contradictions, type Inputs, installableOf, namesOf, runInputs } from "./inputs.ts";
import { follow, tellFailures } from "./logs.ts";
import { type Facts, summarise, summariseFailure } from "./report.ts";

export async function run(): Promise<void> {
  const inputs = readInputs(runInputs, process.env, contradictions);
  const context = await readContext(process.env);
  const folder = join(context.temp, "nix-hermetic-build");
  await mkdir(folder, { recursive: true });
  if (inputs["cache-signing-key"] !== "" && context.trust !== "push")
    throw new UserError(
      `\`cache-signing-key\` is given on ${context.event || "an event"}, which builds what others wrote. Give it only to a job that runs after a push.`,
    );
  const found = await openNix();
  const plain = inputs["require-hermetic"] ? { ...found, options: [...found.options, ...atHome(found)] } : found;
  say(`Nix ${plain.version}, store ${plain.storeDir}`);
  // First, since a build that sees this machine could take the signing key from it.
  const probed = await probeReasons(plain, folder);
  const open = [...sandboxReasons(plain), ...probed.reasons];
  if (inputs["cache-signing-key"] !== "" && open.length > 0)
    throw new UserError(`With \`cache-signing-key\` nothing is built outside a sandbox. ${open.join(" ")}`);
  const { nix, restored, note } = await withCache(plain, inputs);
  const metadata = await flakeMetadata(nix, inputs.flake, context.workspace).catch((error: Error) => {
    throw new UserError(
      `The flake ${inputs.flake} cannot be read, or its lock file is not complete (run \`nix flake lock\`): ${error.message}`,
    );
  });
  const installables = namesOf(inputs).map((name) => installableOf(inputs.flake, name));

  const check = inputs.check ? await checkFlake(nix, inputs.flake, context) : undefined;
  const made = installables.length > 0 ? await follows(nix, installables, context) : undefined;
  const runs = [check, made].filter((each) => each !== undefined);
  const results = made?.results ?? [];
  const outputs = results.flatMap((each) => Object.values(each.outputs));

  const named: Named[] = [];
  if (inputs.check) named.push(await checksOf(nix, inputs.flake, context.workspace));
  if (inputs.develop) named.push(await shellOf(nix, installableOf(inputs.flake, inputs.develop), context.workspace));
  const graph = await showDerivations(
    nix,
    [
      ...new Set([
        ...results.map(({ derivation }) => derivation),
        ...named.flatMap(({ derivations }) => derivations),
        ...runs.flatMap((each) => each.built.map(({ derivation }) => derivation)),
      ]),
    ],
    { recursive: true },
  );
  const { reasons, fixed } = inspect(nix, inputs.flake, metadata, graph);
  reasons.push(...new Set([...runs, ...named].flatMap((each) => each.reasons)), ...probed.reasons);
  const again = inputs["require-hermetic"] ? await rebuildReasons(nix, graph, results) : { reasons: [], fixed: [] };
  reasons.push(...again.reasons);

  const closure = await pathInfo(nix, outputs, { recursive: true });
  const byPath = new Map(closure.map((info) => [info.path, info]));
  for (const path of outputs) {
    const known = byPath.get(path);
    if (known && hashNar(path).hash !== known.narHash)
      throw new UserError(
        `${path} has other bytes than Nix registered. Run \`nix store verify --all\`; the store is damaged.`,
      );
  }
  const image = inputs.image ? await imageOf(nix, results, inputs, context) : null;
  const substituted = runs.flatMap((each) => each.substituted);
  const ours = substituted.filter(({ from }) => from.startsWith(`file://${cacheFolder()}`));
  const facts: Facts = {
    nix_version: nix.version,
    results: outputs.map((path) => ({
      name: nameOf(path),
      store_path: path,
      derivation: results.find((each) => Object.values(each.outputs).includes(path))!.derivation,
      nar_sha256: hashHex(byPath.get(path)!.narHash),
      nar_size: byPath.get(path)!.narSize,
    })),
    hermetic: reasons.length === 0,
    hermetic_reasons: reasons,
    not_tried: `${probed.untried}${again.fixed.length > 0 ? `a second build of ${again.fixed.join(", ")}, fixed by hash; ` : ""}`,
    fixed_outputs: fixed,
    rebuilt: inputs["require-hermetic"],
    closure: {
      digest: closureDigest(closure),
      size: closureSize(closure),
      paths: closure.map(({ path, narSize }) => ({ path, nar_size: narSize })),
    },
    built: new Set(runs.flatMap((each) => each.built.map(({ derivation }) => derivation))).size,
    substituted: new Set(substituted.map(({ path }) => path)).size,
    restored: new Set(ours.map(({ path }) => path)).size,
    build_seconds: runs.reduce((sum, each) => sum + each.seconds, 0),
    cache: note,
    cache_refused: restored?.refused ?? [],
    image,
  };
  const files = {
    report: join(folder, "report.json"),
    dependencies: join(folder, "resolved-dependencies.json"),
    checksums: join(folder, "SHA256SUMS"),
  };
  await writeFile(files.report, `${JSON.stringify(facts, null, 2)}\n`);
  await writeFile(files.dependencies, `${JSON.stringify(dependenciesOf(metadata), null, 2)}\n`);
  await writeFile(files.checksums, facts.results.map((each) => `${each.nar_sha256}  ${each.name}.nar\n`).join(""));
  const bills =
    inputs.sbom === "none" || outputs.length === 0
      ? ["", ""]
      : await writeBills(
          nix,
          {
            roots: outputs,
            closure,
            derivations: partOf(graph, results),
            made: installables.flatMap((installable, i) => ({
              installable,
              path: Object.values(results[i]?.outputs ?? {})[0] ?? "",
            })),
            scope: inputs.sbom,
            metadata,
          },
          folder,
          context.workspace,
        );
  setOutputs({
    "store-paths": outputs,
    "drv-paths": results.map(({ derivation }) => derivation),
    "nar-hash": facts.results[0]?.nar_sha256 ?? "",
    "subject-checksums": files.checksums,
    "closure-digest": facts.closure.digest,
    "closure-size": facts.closure.size,
    "build-seconds": facts.build_seconds.toFixed(1),
    built: facts.built,
    substituted: facts.substituted,
    restored: facts.restored,
    "cache-refused": facts.cache_refused.length,
    "nix-version": nix.version,
    hermetic: facts.hermetic,
    "sbom-cyclonedx": bills[0],
    "sbom-spdx": bills[1],
    "image-digest": image?.digest ?? "",
    "resolved-dependencies": files.dependencies,
    report: files.report,
  });
  say(`built=${facts.built} substituted=${facts.substituted} restored=${facts.restored} hermetic=${facts.hermetic}`);
  await writeSummary(summarise(facts), process.env.GITHUB_STEP_SUMMARY);
  await noteArtifacts(outputs, process.env.GITHUB_ARTIFACTS);
  demand(inputs, facts, closure, outputs);
  if (inputs["cache-signing-key"] !== "" && !facts.hermetic)
    say(`Nothing is signed and saved, since the build is not proven hermetic. ${reasons.join(" ")}`);
  else {
    // What was built on the way is of use too when only the last step changes.
    saveState("outputs", (await validOutputs(nix, graph)).concat(outputs));
    saveState(
      "used",
      ours.map(({ path }) => path),
    );
  }
  await develop(nix, inputs, context, folder);
}

/** The cache, restored and checked, as one more substituter. */
async function withCache(nix: Nix, inputs: Inputs): Promise<{ nix: Nix; restored?: RestoredCache; note: string }> {
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

async function checkFlake(nix: Nix, flake: string, { workspace }: WorkflowContext) {
  const checked = await buildPure(nix, [flake], follow(), { command: ["flake", "check"], cwd: workspace });
  return succeed(checked, "nix flake check");
}

async function follows(nix: Nix, installables: string[], { workspace }: WorkflowContext) {
  return succeed(await buildPure(nix, installables, follow(), { args: ["--keep-going"], cwd: workspace }), "nix build");
}

/** A failure once, with its cause and the next step. */
async function succeed<Result extends BuildResult>(result: Result, what: string): Promise<Result> {
  if (result.code === 0) return result;
  tellFailures(result.built);
  const failed = result.built
    .filter((each) => each.failed)
    .map(({ derivation }) => nameOf(derivation).replace(/\.drv$/, ""));
  const message =
    failed.length > 0
      ? `${what}: ${failed.join(", ")} failed. The last lines of its log are at the end of this step's log and in the summary.`
      : `${what} failed: ${adviceFor(lastWords(result.errors.join("\n"), 8))}`;
  await writeSummary(summariseFailure(message, result.built), process.env.GITHUB_STEP_SUMMARY);
  throw new UserError(message);
}

const advice: [RegExp, string][] = [
  [
    /requires? lock file changes|cannot (update|write) .*lock file/i,
    "The lock file lacks an input: run `nix flake lock` and commit flake.lock.",
  ],
  [/No space left on device|disk is full/i, "The disk is full: free space, or build less in one job."],
  [
    /Could not resolve host|unable to download|Couldn't connect/i,
    "The network is not reachable: what is neither in the store nor in the cache cannot be fetched.",
  ],
  [/does not provide attribute/i, "The flake has no such attribute: `nix flake show` lists what it has."],
];

function adviceFor(text: string): string {
  const known = advice.find(([pattern]) => pattern.test(text));
  return known ? `${known[1]}\n${text}` : text;
}

/** What the results are built from; checks and shells are no part of them. */
function partOf(graph: readonly Derivation[], results: BuildResult["results"]): Derivation[] {
  const byPath = new Map(graph.map((each) => [each.path, each]));
  const part = new Set(results.map(({ derivation }) => derivation));
  for (const path of part) for (const input of Object.keys(byPath.get(path)?.inputDerivations ?? {})) part.add(input);
  return graph.filter(({ path }) => part.has(path));
}

async function validOutputs(nix: Nix, graph: readonly Derivation[]): Promise<string[]> {
  const paths = graph.flatMap(({ outputs }) => Object.values(outputs).flatMap(({ path }) => path ?? []));
  return paths.length > 0 ? (await pathInfo(nix, paths)).map(({ path }) => path) : [];
}

async function imageOf(
  nix: Nix,
  results: BuildResult["results"],
  inputs: Inputs,
  { workspace: cwd }: WorkflowContext,
): Promise<Facts["image"]> {
  // Its place among the results is not sure: it may be one of the installables too, and under another name.
  const { stdout } = await call(
    nix,
    ["path-info", "--derivation", lockedOnly, installableOf(inputs.flake, inputs.image)],
    { cwd },
  );
  const made = results.find(({ derivation }) => derivation === stdout.trim());
  const path = Object.values(made?.outputs ?? {})[0];
  if (!path) throw new UserError(`\`image\` (${inputs.image}) built no output.`);
  return { ...(await checkImage(path)), load: `docker load --input ${path}` };
}

/** Each result that is one file goes to the runner's list of artifacts. */
async function noteArtifacts(outputs: readonly string[], file: string | undefined): Promise<void> {
  const { lstat } = await import("node:fs/promises");
  for (const path of outputs) if (file && (await lstat(path)).isFile()) await appendFile(file, `${path}\n`);
}

/** What the caller asked of the result. */
function demand(inputs: Inputs, facts: Facts, closure: readonly KnownPath[], outputs: readonly string[]): void {
  const problems: string[] = [];
  const limit = inputs["max-closure-size"];
  if (limit !== null && facts.closure.size > limit * 1e6)
    problems.push(
      `The runtime closure has ${(facts.closure.size / 1e6).toFixed(1)} MB, more than max-closure-size (${limit} MB). The summary lists the largest paths.`,
    );
  for (const pattern of inputs["forbidden-references"]) {
    const matches = new RegExp(
      `^${pattern
        .split("*")
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
        .join(".*")}$`,
    );
    for (const { path } of closure) {
      if (!matches.test(nameOf(path))) continue;
      const chain = outputs.map((from) => chainTo(closure, from, path)).find((each) => each.length > 0) ?? [path];
      problems.push(
        `${nameOf(path)} is in the runtime closure, and forbidden-references names ${pattern}: ${chain.map(nameOf).join(" → ")}`,
      );
    }
  }
  if (inputs["require-hermetic"] && !facts.hermetic)
    problems.push(`The build is not proven hermetic. ${facts.hermetic_reasons.join(" ")}`);
  if (problems.length > 0) throw new UserError(problems.join("\n"));
}

async function develop(nix: Nix, inputs: Inputs, context: WorkflowContext, temp: string): Promise<void> {
  if (inputs.develop === "") return;
  const shell = installableOf(inputs.flake, inputs.develop);
  if (inputs.command) return runInShell(nix, shell, inputs.command, context.workspace, temp);
  const names = await exportShell(nix, shell, context.workspace);
  say(`Set for the following steps: ${names.join(", ")}`);
}
