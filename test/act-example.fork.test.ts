/** The example for vitest by `act` and by our rehearsal: two runners that know nothing of each other, and the same actions. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { decodeRuns } from "@goatnote/ci-history";
import { type Backend, Refusal, rehearse, startBackend } from "@goatnote/rehearsal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build } from "../scripts/build.ts";
import { storedFiles } from "../scripts/stored-files.ts";
import { type Account, rehearsalAccount, runAct } from "./act-account.ts";
import { describeWithPeer } from "./peers.ts";

const exampleFile = join(import.meta.dirname, "../workflows-examples/ci.yml");
const example = readFileSync(exampleFile, "utf8");
const repositoryName = "sums/sums";

/** Each test says that it ran, on a line of its own, so that neither a report nor our actions have to be believed. */
const project = {
  "package.json": JSON.stringify({ name: "sums", version: "1.0.0", private: true, type: "module" }),
  "package-lock.json": JSON.stringify({
    name: "sums",
    version: "1.0.0",
    lockfileVersion: 3,
    requires: true,
    packages: { "": { name: "sums", version: "1.0.0" } },
  }),
  ".gitignore": "node_modules/\nreports/\nplan/\n",
  "src/sum.js": "export const sum = (values) => values.reduce((total, value) => total + value, 0);\n",
  "src/mean.js":
    'import { sum } from "./sum.js";\nexport const mean = (values) => sum(values) / values.length;\n// Of nothing it is NaN.\n',
  "test/sum.test.js": `
import { expect, test } from "vitest";
import { sum } from "../src/sum.js";
test("adds", () => { console.log("\\nSAY sum adds"); expect(sum([1, 2])).toBe(3); });
test("is 0 of nothing", () => { console.log("\\nSAY sum of nothing"); expect(sum([])).toBe(0); });`,
  "test/mean.test.js": `
import { expect, test } from "vitest";
import { mean } from "../src/mean.js";
test("is in the middle", () => { console.log("\\nSAY mean"); expect(mean([1, 3])).toBe(2); });`,
};

/**
 * What act takes instead of actions that it would have to fetch. (It replaces actions/checkout by a copy of the
 * repository's folder by itself.) download-artifact really downloads, from the service that uploads went to; setup-node
 * uses the machine's node, as the rehearsal's does. `ask` is for the tests of what act lacks.
 */
const instead = {
  "setup-node/action.yml":
    "name: a\ndescription: a\ninputs: {node-version: {description: a}}\nruns: {using: node24, main: main.js}",
  "setup-node/main.js": "console.log(process.version);",
  "download-artifact/action.yml":
    "name: a\ndescription: a\ninputs: {name: {description: a}, path: {description: a}}\nruns: {using: node24, main: main.js}",
  "download-artifact/main.js": `
const { mkdirSync, writeFileSync } = require("fs");
const { ACTIONS_RUNTIME_TOKEN: token, ACTIONS_RESULTS_URL: url, INPUT_NAME: name, INPUT_PATH: path } = process.env;
(async () => {
  const { scp } = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  const [, run, job] = scp.split(" ").at(-1).split(":");
  const answer = await fetch(url + "twirp/github.actions.results.api.v1.ArtifactService/GetSignedArtifactURL", {
    method: "POST",
    headers: { authorization: "Bearer " + token, "content-type": "application/json" },
    body: JSON.stringify({ workflow_run_backend_id: run, workflow_job_run_backend_id: job, name }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  const content = await fetch((await answer.json()).signed_url);
  mkdirSync(path, { recursive: true });
  writeFileSync(path + "/" + name, Buffer.from(await content.arrayBuffer()));
})();`,
  "ask/action.yml": "name: a\ndescription: a\nruns: {using: node24, main: main.js}",
  "ask/main.js": `
const { ACTIONS_RUNTIME_TOKEN: token, ACTIONS_RESULTS_URL: url } = process.env;
(async () => {
  console.log("SAY service " + Boolean(url));
  if (!url) return;
  const { scp } = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  const [, run, job] = scp.split(" ").at(-1).split(":");
  const ids = { workflow_run_backend_id: run, workflow_job_run_backend_id: job };
  for (const [kind, more] of [["zipped", {}], ["unzipped", { mime_type: "application/json" }]]) {
    const answer = await fetch(url + "twirp/github.actions.results.api.v1.ArtifactService/CreateArtifact", {
      method: "POST",
      headers: { authorization: "Bearer " + token, "content-type": "application/json" },
      body: JSON.stringify({ ...ids, name: kind, version: 7, ...more }),
    });
    console.log("SAY " + kind + " " + (await answer.text()).includes('"ok":true'));
  }
})();`,
};

interface Commit {
  title: string;
  event: { name: "push" | "pull_request"; payload: Record<string, unknown> };
  ref: string;
  branch: string;
  sha: string;
  /** Whether its tests fail. */
  red: boolean;
}

describeWithPeer("act", (act) => {
  const folder = mkdtempSync(join(tmpdir(), "act-example-"));
  const repository = join(folder, "repository");
  const temp = process.env.TMPDIR;
  let mapped: Record<string, string>;
  let actions: string;
  const commits: Commit[] = [];

  const git = (...args: string[]) => execFileSync("git", ["-C", repository, ...args], { encoding: "utf8" }).trim();
  const write = (file: string, content: string) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  };
  const commit = (files: Record<string, string>): string => {
    for (const [name, content] of Object.entries(files)) write(join(repository, name), content);
    git("add", "--all");
    git("-c", "user.name=ada", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", "Change");
    return git("rev-parse", "HEAD");
  };

  beforeAll(async () => {
    // The jobs of both runners work below this folder, where the project finds vitest as packages of a monorepo do.
    process.env.TMPDIR = folder;
    symlinkSync(join(import.meta.dirname, "../node_modules"), join(folder, "node_modules"), "junction");
    actions = await build();
    for (const [name, content] of Object.entries(instead)) write(join(folder, "instead", name), content);
    mapped = {
      "goatnote/ml-test-select@v1": join(actions, "ml-test-select"),
      "goatnote/telemetry-upload@v1": join(actions, "telemetry-upload"),
      "goatnote/ask@v1": join(folder, "instead/ask"),
    };
    for (const [, uses = "", name = ""] of example.matchAll(/uses: (actions\/(setup-node|download-artifact)@\S+)/g))
      mapped[uses] = join(folder, "instead", name);
    mkdirSync(repository);
    git("init", "--quiet", "--initial-branch", "main");
    git("remote", "add", "origin", `https://github.com/${repositoryName}`);
    commits.push(...history());
  });
  afterAll(() => {
    if (temp === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = temp;
    rmSync(folder, { recursive: true, force: true });
  });

  /** A green push, a red push, and a pull request that mends it. */
  function history(): Commit[] {
    const about = { full_name: repositoryName, default_branch: "main" };
    const push = (title: string, red: boolean, before: string, sha: string): Commit => ({
      title,
      event: { name: "push", payload: { ref: "refs/heads/main", before, after: sha, repository: about } },
      ref: "refs/heads/main",
      branch: "main",
      sha,
      red,
    });
    const green = commit({ ...project, ".github/workflows/ci.yml": example });
    const red = commit({ "src/mean.js": project["src/mean.js"].replace("/ values", "* values") });
    git("checkout", "--quiet", "-b", "mend");
    const mended = commit({ "src/mean.js": project["src/mean.js"] });
    const side = (ref: string, sha: string) => ({ ref, sha, repo: about });
    const pull_request = { number: 1, labels: [], base: side("main", red), head: side("mend", mended) };
    return [
      push("a green push", false, "0".repeat(40), green),
      push("a red push", true, green, red),
      {
        title: "a pull request",
        event: { name: "pull_request", payload: { action: "opened", number: 1, pull_request, repository: about } },
        ref: "refs/pull/1/merge",
        branch: "mend",
        sha: mended,
        red: false,
      },
    ];
  }

  async function byUs(backend: Backend, { event, ref, sha }: Commit): Promise<Account> {
    const { jobs } = await rehearse({
      workflow: exampleFile,
      repository,
      event,
      ref,
      sha,
      backend,
      actions,
      actor: "ada",
    });
    return rehearsalAccount(jobs);
  }

  async function byAct({ event, branch, sha }: Commit, args: string[], workflow = ".github/workflows/ci.yml") {
    git("checkout", "--quiet", "-B", branch, sha);
    const payload = join(folder, "event.json");
    write(payload, JSON.stringify(event.payload));
    const options = ["--eventpath", payload, "--actor", "ada", ...args];
    return runAct(act, { event: event.name, workflow, repository, home: folder, actions: mapped, args: options });
  }

  // The cases by number: the commits are made later, by beforeAll.
  const cases = [
    ["a green push", 0],
    ["a red push", 1],
    ["a pull request", 2],
  ] as const;

  describe("and the services of the rehearsal's back end, all that the two say and keep is the same", () => {
    const backends: Backend[] = [];
    beforeAll(async () => {
      for (const _ of ["ours", "theirs"]) backends.push(await startBackend({ repository: repositoryName }));
      git("clone", "--quiet", "--bare", repository, join(folder, "theirs.git"));
      backends[1]!.state.gitDir = join(folder, "theirs.git");
    });
    afterAll(() => Promise.all(backends.map((backend) => backend.close())));

    test.each(cases)("%s", async (title, index) => {
      const commit = commits[index]!;
      expect(commit.title).toBe(title);
      const [mine, other] = backends as [Backend, Backend];
      const [ours, theirs] = await Promise.all([byUs(mine, commit), byAct(commit, servicesFor(other, commit))]);
      expect(comparable(theirs)).toEqual(comparable(ours));
      expect(kept(other)).toEqual(kept(mine));
      expect(Object.keys(ours)).toEqual(["select", "test", "record"]);
      expect(ours.record).toMatchObject({ result: "success", outputs: ["recorded=1", "rejected=0"] });
      expect(ours.test).toMatchObject(verdict(commit));
      expect(kept(mine).filter(({ name }) => name.startsWith("v1/"))).toHaveLength(index + 1);
    });
  });

  describe("alone, which has no API and no unzipped artifacts, everything runs and nothing is recorded", () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await startBackend({ repository: repositoryName });
      // The same gap in the rehearsal: no run is known to the API, and no artifact can be left or listed.
      backend.state.runs.get = () => undefined;
      Object.defineProperty(backend.state, "gitDir", { get: () => null, set: () => {} });
      Object.defineProperty(backend.state, "artifacts", {
        get: () => {
          throw new Refusal(403, "There are no artifacts here.");
        },
      });
    });
    afterAll(() => backend.close());

    test.each(cases.slice(1))("%s", async (title, index) => {
      const commit = commits[index]!;
      expect(commit.title).toBe(title);
      const [ours, theirs] = await Promise.all([byUs(backend, commit), byAct(commit, [])]);
      // The sentence that says why everything runs names what each of them lacks.
      expect(comparable(theirs, ["reason"])).toEqual(comparable(ours, ["reason"]));
      for (const { select, test, record } of [ours, theirs]) {
        expect(select).toMatchObject({ result: "success", steps: ["success", "success"] });
        expect(select?.outputs).toContain("mode=all");
        expect(select?.outputs).toContainEqual(
          expect.stringMatching(/^reason=Everything runs: The store at refs\/telemetry\/v1 could not be read/),
        );
        expect(test).toMatchObject(verdict(commit, "failure"));
        expect(test?.outputs).toContain("recorded=false");
        expect(record).toMatchObject({ result: "failure", steps: ["failure"] });
      }
    });
  });

  /** What act 0.2.89 does not have; one that it has got belongs into the comparison above. */
  const gaps: Record<string, { steps: string; ours: string[]; theirs: string[] }> = {
    "a token and an API of its own": {
      steps: `[{run: 'echo "SAY token \${{ github.token != '''' }}"; echo "SAY GitHub''s \${{ github.api_url == ''https://api.github.com'' }}"'}]`,
      ours: ["SAY token true", "SAY GitHub's false"],
      theirs: ["SAY token false", "SAY GitHub's true"],
    },
    // The default of telemetry-upload's `variant`.
    "an empty list of the values of no matrix": {
      steps: `[{run: 'echo "SAY [\${{ join(matrix.*, '', '') }}]"'}]`,
      ours: ["SAY []"],
      theirs: ["SAY [Object]"],
    },
    // With its server on, act 0.2.89 answers a request that has `mime_type` by nothing, and the client asks for half a minute.
    "unzipped artifacts in its artifact server": {
      steps: "[{uses: goatnote/ask@v1}]",
      ours: ["SAY service true", "SAY zipped true", "SAY unzipped true"],
      theirs: ["SAY service true", "SAY zipped true", "SAY unzipped false"],
    },
  };
  test.each(Object.entries(gaps))("act does not have %s", async (_, { steps, ours, theirs }) => {
    const workflow = ".github/workflows/gap.yml";
    await using backend = await startBackend({ repository: repositoryName });
    git("checkout", "--quiet", "-B", "gap", commits[0]!.sha);
    const sha = commit({ [workflow]: `on: push\njobs: {a: {runs-on: ubuntu-latest, steps: ${steps}}}\n` });
    const asked: Commit = { ...commits[0]!, ref: "refs/heads/gap", branch: "gap", sha };
    write(join(folder, "gap-actions/ask/action.yml"), instead["ask/action.yml"]);
    write(join(folder, "gap-actions/ask/main.js"), instead["ask/main.js"]);
    const event = { ...asked, workflow, repository, backend, actions: join(folder, "gap-actions") };
    const { a: mine } = rehearsalAccount((await rehearse(event)).jobs);
    const server = ["--artifact-server-path", join(folder, "artifacts"), "--artifact-server-addr", "127.0.0.1"];
    const { a: other } = await byAct(asked, [...server, "--artifact-server-port", `${await freePort()}`], workflow);
    expect(mine).toMatchObject({ result: "success", said: ours });
    expect(other).toMatchObject({ result: "success", said: theirs });
  });
});

/** What the test job comes to: a red test fails it, whatever became of the plan. */
function verdict({ red }: Commit, download = "success") {
  const ran = red ? "failure" : "success";
  return {
    result: ran,
    steps: ["success", "success", "success", download, ran, "success"],
    said: expect.toSatisfy((said: string[]) => said.length === 3),
    outputs: expect.arrayContaining(["tests=3", `failed=${red ? 1 : 0}`]),
  };
}

/** Without what is another path or time in each run, and in the order of the alphabet where vitest has none. */
function comparable(account: Account, without: string[] = []): Account {
  // The last four are outputs of actions that act leaves out or takes from elsewhere.
  const own = ["tests-file", "plan", "segment", "duration-ms", "ref", "commit", "node-version", "download-path"];
  const differing = [...own, ...without];
  return Object.fromEntries(
    Object.entries(account).map(([job, { outputs, said, ...rest }]) => [
      job,
      {
        ...rest,
        outputs: outputs.filter((output) => !differing.includes(output.split("=")[0]!)),
        said: said.toSorted(),
      },
    ]),
  );
}

/** The artifacts of all runs and the history, without what is another in each run; without `variant` too, see the gaps. */
function kept({ state }: Backend) {
  const differing = ["started_at", "duration_ms", "plan_digest", "variant"];
  const told = (name: string, content: Buffer) =>
    name === "test-plan.json" ? JSON.parse(content.toString()) : decodeRuns(content, name);
  const neutral = (text: string) =>
    [...state.runs.keys()].reduce((rest, id) => rest.replace(new RegExp(`\\b${id}\\b`, "g"), "RUN"), text);
  const artifacts = state.artifacts.map(({ name, blob }) => ({
    name,
    content: state.blobs.get(blob)?.content ?? Buffer.alloc(0),
  }));
  return [...artifacts, ...storedFiles(state.gitDir!)].map(({ name, content }) => {
    const text = JSON.stringify(told(name, content), (field, value) => (differing.includes(field) ? undefined : value));
    return { name: neutral(name).replace(/[0-9a-f]{16}(?=$|\.ndjson)/, "JOB"), content: JSON.parse(neutral(text)) };
  });
}

/** What makes act's jobs use this back end: its addresses, one token for all jobs, and a run that the API knows. */
function servicesFor(backend: Backend, { event, ref, branch, sha }: Commit): string[] {
  const path = ".github/workflows/ci.yml";
  const { id } = backend.registerRun({ workflow: "CI", path, event: event.name, ref, sha, headBranch: branch });
  const identity = { runId: id, job: "act", permissions: { actions: "read", contents: "write" } } as const;
  const env = { ...backend.jobEnv(identity), GITHUB_RUN_ID: String(id) };
  const variables = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  return [...variables, "--secret", `GITHUB_TOKEN=${backend.jobToken(identity)}`];
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
