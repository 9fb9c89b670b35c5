/**
 * Claims: with 10,000 secrets `sops-decrypt` takes at most 0.8 of the time of `sops decrypt`, both as whole processes that
 * write the decrypted file; with 100 secrets at most 1.5 times the start of a bundle that holds only `@actions/core`; and
 * `sops-decrypt/lint` takes less than 3 s for 1,000 files. The median of interleaved starts decides.
 *
 *   node benchmarks/sops.ts [rounds]
 */
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { build, bundleEntry } from "../scripts/build.ts";
import { locate } from "../scripts/peers.ts";

const rounds = Math.max(5, Number(process.argv[2] ?? 11));
const sops = locate("sops");
if (!sops) throw new Error("This needs sops; npm run peers sops");
const actions = join(await build(), "sops-decrypt");
const folder = mkdtempSync(join(tmpdir(), "sops-benchmark-"));
const identity = await generateX25519Identity();
const recipient = await identityToRecipient(identity);
const key = join(folder, "key");
writeFileSync(key, `${identity}\n`);
const nothing = join(folder, "commands");
const runner = {
  PATH: process.env.PATH ?? "",
  HOME: folder,
  GITHUB_ACTIONS: "true",
  RUNNER_TEMP: folder,
  GITHUB_WORKSPACE: folder,
  GITHUB_OUTPUT: nothing,
  GITHUB_STATE: nothing,
  GITHUB_STEP_SUMMARY: nothing,
};
const defaults = {
  INPUT_FORMAT: "auto",
  "INPUT_MISSING-KEY": "fail",
  "INPUT_MAX-FILE-SIZE": "10000000",
  "INPUT_ALLOW-PULL-REQUEST-HEAD": "false",
  INPUT_CASE: "keep",
  "INPUT_MIN-MASK-LENGTH": "4",
  "INPUT_SHORT-SECRETS": "refuse",
  "INPUT_OUTPUT-FORMAT": "same",
};

function timed(argv: string[], env: Record<string, string>, expected = 0): number {
  writeFileSync(nothing, "");
  const started = performance.now();
  const { status, stderr, stdout } = spawnSync(argv[0]!, argv.slice(1), {
    cwd: folder,
    env,
    encoding: "utf8",
    maxBuffer: 1e9,
  });
  const took = performance.now() - started;
  if (status !== expected) throw new Error(`${argv.join(" ")} ended with ${status}: ${stderr}${stdout.slice(-500)}`);
  return took;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** The smallest action there is; below build/, so that the repository's packages are found. */
async function coreAlone(): Promise<string> {
  const to = join(dirname(import.meta.dirname), "build/sops-benchmark");
  mkdirSync(to, { recursive: true });
  writeFileSync(join(to, "package.json"), '{ "type": "module" }\n');
  writeFileSync(
    join(to, "entry.js"),
    'import * as core from "@actions/core";\nexport const run = () => core.info(core.getInput("x"));\n',
  );
  writeFileSync(join(to, "main.js"), 'import { run } from "./bundle/index.js";\n\nawait run();\n');
  await bundleEntry(join(to, "entry.js"), join(to, "bundle"));
  return join(to, "main.js");
}

let failed = false;
function claim(name: string, ours: number, theirs: number, limit: number, peer: string): void {
  const ratio = ours / theirs;
  const verdict = ratio <= limit ? "" : `  over ${limit}`;
  if (verdict) failed = true;
  console.log(
    `${name.padEnd(26)} ${ours.toFixed(0).padStart(6)} ms  ${peer} ${theirs.toFixed(0).padStart(6)} ms  ratio ${ratio.toFixed(2)}${verdict}`,
  );
}

try {
  const core = await coreAlone();
  const secret = (): string => randomBytes(18).toString("base64");
  for (const count of [100, 10_000]) {
    for (const format of ["yaml", "json"]) {
      const entries = Array.from({ length: count }, (_, i) => [`key${i}`, secret()]);
      const text =
        format === "json"
          ? JSON.stringify(Object.fromEntries(entries))
          : entries.map(([name, value]) => `${name}: ${value}\n`).join("");
      const file = join(folder, `secrets-${count}.${format}`);
      writeFileSync(file, text);
      execFileSync(sops, ["encrypt", "--in-place", "--age", recipient, file]);
      const [ours, theirs, base]: number[][] = [[], [], []];
      for (let round = 0; round <= rounds; round++) {
        const inputs = { ...defaults, INPUT_FILES: file, "INPUT_AGE-KEY-FILE": key, INPUT_EXPORT: "file" };
        const times = [
          timed([process.execPath, join(actions, "main.js")], { ...runner, ...inputs }),
          timed([sops, "decrypt", "--output", join(folder, "out"), file], {
            PATH: runner.PATH,
            HOME: folder,
            SOPS_AGE_KEY_FILE: key,
          }),
          timed([process.execPath, core], { ...runner, INPUT_X: "x" }),
        ];
        // The first fills the machine's file cache.
        if (round > 0) [ours, theirs, base].forEach((list, i) => void list!.push(times[i]!));
      }
      const name = `${count} secrets, ${format}`;
      if (count === 100) claim(name, median(ours!), median(base!), 1.5, "@actions/core");
      else claim(name, median(ours!), median(theirs!), 0.8, "sops");
    }
  }
  const files = join(folder, "lint");
  mkdirSync(files);
  execFileSync("git", ["init", "--quiet", files]);
  const small = join(folder, "small.yaml");
  writeFileSync(small, Array.from({ length: 10 }, (_, i) => `key${i}: ${secret()}\n`).join(""));
  const encrypted = execFileSync(sops, ["encrypt", "--age", recipient, small]);
  for (let i = 0; i < 1000; i++) writeFileSync(join(files, `${i}.yaml`), encrypted);
  writeFileSync(
    join(files, ".sops.yaml"),
    JSON.stringify({ creation_rules: [{ path_regex: "yaml$", age: recipient }] }),
  );
  execFileSync("git", ["-C", files, "add", "--all"]);
  const inputs = { INPUT_CONFIG: ".sops.yaml", "INPUT_FAIL-ON": "note" };
  const times = Array.from({ length: rounds }, () =>
    timed([process.execPath, join(actions, "lint/main.js")], { ...runner, ...inputs, GITHUB_WORKSPACE: files }),
  );
  claim("lint of 1,000 files", median(times), 3000, 1, "the claim");
  const bundle = join(actions, "bundle");
  const size = readdirSync(bundle).reduce((sum, name) => sum + statSync(join(bundle, name)).size, 0);
  console.log(`bundle ${(size / 1000).toFixed(0)} kB`);
} finally {
  rmSync(folder, { recursive: true });
}
process.exitCode = failed ? 1 : 0;
