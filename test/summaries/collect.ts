/** The job summaries of the actions, made by rehearsing workflows that use them. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { encodeSegment, HISTORY_REF, readHistory, refStore, segmentPath } from "@goatnote/ci-history";
import { rehearse, startBackend, startSigstore } from "@goatnote/rehearsal";
import { sampleGit } from "../../packages/ci-history/src/ref-store-sample.ts";
import { build } from "../../scripts/build.ts";
import { proposed } from "../../scripts/demo/changes.ts";
import { Project } from "../../scripts/demo/project.ts";
import { makeLab } from "../nix/lab.ts";
import { ageKey } from "../sops/lab.ts";

const root = join(import.meta.dirname, "../..");

/** Steps of one job each, by the job's name; a job whose name begins with `fails` may fail. */
type Jobs = Record<string, string>;

/** Rehearses the jobs in a repository. @returns each job's summary */
async function summaries(
  repository: string,
  jobs: Jobs,
  options: {
    env?: Record<string, string>;
    secrets?: Record<string, string>;
    pull?: { base: string; head: string };
    sigstore?: boolean;
  } = {},
): Promise<Map<string, string>> {
  const backend = await startBackend({ repository: "octo/lab", defaultBranch: "main" });
  const folder = mkdtempSync(join(tmpdir(), "collect-"));
  try {
    const sigstore = options.sigstore ? await startSigstore(backend) : undefined;
    const trustedRoot = join(folder, "trusted_root.json");
    if (sigstore) writeFileSync(trustedRoot, JSON.stringify(sigstore.trustedRoot));
    const sign = `sigstore: custom\n    fulcio-url: ${sigstore?.fulcioUrl}\n    rekor-url: ${sigstore?.rekorUrl}\n    tsa-url: ${sigstore?.tsaUrl}\n    trusted-root: ${trustedRoot}`;
    const text = Object.entries(jobs).map(([name, steps]) => {
      const filled = steps
        .replaceAll("SIGN", () => sign)
        .replaceAll("ROOT", trustedRoot)
        .replaceAll("ISSUER", backend.url);
      return `  ${name}:\n    runs-on: ubuntu-latest\n    permissions: {contents: write, id-token: write, attestations: write, actions: read}\n    steps:\n${filled.replace(/^(?=.)/gm, "      ")}`;
    });
    const workflow = join(folder, "summaries.yml");
    writeFileSync(workflow, `on: [push, pull_request]\npermissions: {}\njobs:\n${text.join("\n")}\n`);
    const git = (...args: string[]) => execFileSync("git", ["-C", repository, ...args], { encoding: "utf8" }).trim();
    const { pull } = options;
    const side = (ref: string, sha = "") => ({ ref, sha, repo: { full_name: "octo/lab" } });
    const pull_request = { number: 7, labels: [], base: side("main", pull?.base), head: side("change", pull?.head) };
    const about = { repository: { full_name: "octo/lab", default_branch: "main" } };
    const result = await rehearse({
      workflow,
      repository,
      event: pull
        ? { name: "pull_request", payload: { action: "opened", number: 7, pull_request, ...about } }
        : { name: "push", payload: about },
      ref: pull ? "refs/pull/7/merge" : "refs/heads/main",
      sha: pull?.head ?? git("rev-parse", "HEAD"),
      backend,
      actions: await build(),
      env: options.env ?? {},
      secrets: options.secrets ?? {},
    });
    for (const { id, conclusion, log } of result.jobs)
      if (conclusion !== "success" && !id.startsWith("fails"))
        throw new Error(`the job ${id} ended with ${conclusion}:\n${log}`);
    return new Map(result.jobs.map(({ id, summary }) => [id, summary]));
  } finally {
    await backend.close();
    rmSync(folder, { recursive: true });
  }
}

/** A folder with a repository of one commit. */
function repositoryOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "collect-repository-"));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  commitAll(folder);
  return folder;
}

function commitAll(folder: string): void {
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=o", "-c", "user.email=o@example.org", ...args]);
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message", "x");
}

const checkout = "- uses: actions/checkout@v7\n  with: {fetch-depth: 0}\n";

/** Selection on the demonstration's history: a change, what was learnt, what would have been missed; and test results. */
export async function ofSelection(): Promise<Map<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), "collect-project-"));
  try {
    const project = await Project.create(join(folder, "numerics"), []);
    const base = await project.head();
    const past = await Array.fromAsync(readHistory(join(root, "scripts/demo/history.ndjson.zst")));
    const store = refStore(sampleGit(join(folder, "store")), {
      url: pathToFileURL(project.folder).href,
      ref: HISTORY_REF,
    });
    // The latest run is of the commit that the change is made on.
    const latest = past.findLast(({ tests }) => tests.every(({ status }) => status !== "fail"))!;
    const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const runs = [...past, { ...latest, run_id: "999999999", sha: base, started_at: now, changes: [] }];
    await store.appendAll(runs.map((run) => ({ path: segmentPath(run), bytes: encodeSegment(run) })));
    const head = await project.apply(proposed[1]!, "change");
    const report = `<testsuite name="s"><testcase classname="t.A" name="adds" time="0.1"/><testcase classname="t.A" name="a | b &lt;c&gt;"><failure message="1 &lt; 2 | no">x</failure></testcase><testcase classname="t.A" name="rests"><skipped/></testcase></testsuite>`;
    return await summaries(
      project.folder,
      {
        select: `${checkout}- uses: goatnote/ml-test-select@v1\n  with: {runner: vitest, target-recall: 0.8}\n`,
        train: "- uses: goatnote/ml-test-select/train@v1\n",
        replay: "- uses: goatnote/ml-test-select/replay@v1\n",
        telemetry: `${checkout}- run: |\n    cat > r.xml <<'E'\n    ${report}\n    E\n- uses: goatnote/telemetry-upload@v1\n  with: {paths: r.xml}\n`,
        nothing: `${checkout}- uses: goatnote/telemetry-upload@v1\n  with: {paths: none.xml}\n`,
      },
      { pull: { base, head } },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A build that is the same twice, one that is not, and one whose causes have hostile names. */
export async function ofReproCheck(): Promise<Map<string, string>> {
  const folder = repositoryOf({
    Makefile: "out:\n\tmkdir -p out\n\techo same > out/a\n\tdate +%s%N > 'out/b | <i>c'\n\tpwd > out/path.txt\n",
  });
  try {
    const step = (build: string) =>
      `${checkout}- uses: goatnote/repro-check@v1\n  with: {build: "${build}", artifacts: out, vary: "path,time"}\n`;
    return await summaries(folder, {
      same: step("mkdir -p out && echo same > out/a").replace("path,time", "path"),
      fails_differs: step("make out").replace("path,time", "path"),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What was signed, verified, and refused. */
export async function ofAttest(): Promise<Map<string, string>> {
  const folder = repositoryOf({ "dist/app | 1.tar.gz": "built", "dist/lib.tar.gz": "library" });
  try {
    const attest = `${checkout}- uses: goatnote/slsa-attest@v1\n  with:\n    subject-path: dist/*\n    output-dir: attestations\n    SIGN\n`;
    const verify = (of: string) =>
      `- uses: goatnote/slsa-attest/verify@v1\n  with:\n    subject-path: ${of}\n    bundle-path: attestations/*.intoto.jsonl\n    trusted-root: ROOT\n    issuer: ISSUER\n`;
    return await summaries(
      folder,
      {
        attest: `${attest}${verify("dist/*")}`,
        fails_refused: `${attest}- run: echo other > dist/lib.tar.gz\n${verify("dist/*")}`,
      },
      { sigstore: true },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A file that is decrypted, and what lint finds. @param sops the real one */
export async function ofSops(sops: string): Promise<Map<string, string>> {
  const key = await ageKey();
  const folder = repositoryOf({
    ".sops.yaml": JSON.stringify({ creation_rules: [{ path_regex: "^secrets/.*", age: key.recipient }] }),
    "secrets/production.yaml": "db:\n  user: deployer\n  password: correct-horse\n",
    "secrets/plain | text.yaml": "db:\n  password: in-the-open\n",
  });
  try {
    execFileSync(sops, ["encrypt", "--in-place", "secrets/production.yaml"], { cwd: folder });
    commitAll(folder);
    return await summaries(
      folder,
      {
        decrypt: `${checkout}- uses: goatnote/sops-decrypt@v1\n  with: {files: secrets/production.yaml, age-key: "\${{ secrets.KEY }}"}\n`,
        fails_lint: `${checkout}- uses: goatnote/sops-decrypt/lint@v1\n`,
      },
      { secrets: { KEY: key.identity } },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A flake that is built and proven. @param nix the real one */
export async function ofNix(nix: string): Promise<Map<string, string>> {
  const lab = makeLab();
  try {
    const repository = lab.flake("repository", `packages.\${system}.default = make "app-1.0" "echo hello > $out";`);
    commitAll(repository);
    for (const name of ["tools", "home"]) mkdirSync(join(lab.folder, name));
    symlinkSync(nix, join(lab.folder, "tools/nix"));
    const env = { ...lab.environment, HOME: join(lab.folder, "home"), PATH: join(lab.folder, "tools") };
    const step = `${checkout}- uses: goatnote/nix-hermetic-build@v1\n  with: {require-hermetic: true, sbom: runtime}\n`;
    return await summaries(repository, { build: step }, { env });
  } finally {
    lab.remove();
  }
}
