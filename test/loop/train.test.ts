/** The learned loop: what a history teaches is derived by `record`, trained at night, and scores pull requests. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { encodeSegment, fileStore, HISTORY_REF, type Run, refStore, segmentPath, testId } from "@goatnote/ci-history";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sampleGit } from "../../packages/ci-history/src/ref-store-sample.ts";
import { build } from "../../scripts/build.ts";
import { storedFiles } from "../../scripts/stored-files.ts";
import { describeWithPeer } from "../peers.ts";
import { runEntry } from "./entry.ts";
import { example, Lab } from "./lab.ts";

const names = ["ash", "birch", "cedar", "elm", "fir", "holly", "larch", "maple", "oak", "pine"];

/** Names mislead: a change of src/<word>.py breaks the test three words further on, two times of three. */
const history = (count: number): Run[] =>
  Array.from({ length: count }, (_, index) => {
    const changed = index % names.length;
    return {
      run_id: String(index + 1),
      sha: (index + 1).toString(16).padStart(40, "0"),
      started_at: new Date(Date.UTC(2025, 0, 1, index)).toISOString(),
      author: "ada",
      branch: "main",
      default_branch: true,
      trust: "push",
      changes: [{ path: `src/${names[changed]}.py`, added: 1, deleted: 1 }],
      tests: names.map((name, at) => ({
        id: testId({ file: `tests/test_${name}.py`, name: "test_it" }),
        file: `tests/test_${name}.py`,
        status: at === (changed + 3) % names.length && index % 3 > 0 ? ("fail" as const) : ("pass" as const),
        duration_ms: 10,
      })),
    };
  });

describeWithPeer("pytest", (pytest) => {
  let lab: Lab;
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "train-")));
  beforeAll(async () => {
    const files = names.flatMap((name) => [
      [`src/${name}.py`, "x = 1\n"],
      [`tests/test_${name}.py`, "def test_it():\n    pass\n"],
    ]);
    lab = await Lab.make(
      {
        ...Object.fromEntries(files),
        "tests/test_pine.py": "def test_it():\n    resin = 1\n",
        "tests/test_oak.py": "def later():\n    from src import ash\n\n\ndef test_it():\n    pass\n",
        ".gitignore": "__pycache__/\nreports/\n.pytest_cache/\n",
        ".github/workflows/ci.yml": example("ci-pytest.yml"),
        ".github/workflows/nightly-train.yml": example("nightly-train.yml", {}, {}),
      },
      { env: { PATH: dirname(pytest) } },
    );
    const store = refStore(sampleGit(join(folder, "git")), { url: pathToFileURL(lab.folder).href, ref: HISTORY_REF });
    await store.appendAll(history(90).map((run) => ({ path: segmentPath(run), bytes: encodeSegment(run) })));
  });
  afterAll(async () => {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const kept = (kind: string) => storedFiles(lab.folder).filter(({ name }) => name.startsWith(`v1/${kind}/`));

  test("record derives what the history teaches, train leaves a model, and a selection scores by it", async () => {
    const push = await lab.push();
    expect(push.conclusion, push.log).toBe("success");
    expect(push.log).toContain("What 91 runs teach is kept in the store");
    expect(kept("state")).toHaveLength(1);
    const before = await lab.pull({ "src/ash.py": "x = 2\n" });
    expect(before.log).toMatch(/The history: 0 runs read, 91 known from its state/);
    expect(before.plan.reason).toMatch(/\d+ of 10 tests run/);

    const event = { name: "schedule", payload: { repository: { full_name: "octo/lab", default_branch: "main" } } };
    const night = { event, ref: "refs/heads/main", sha: lab.head, workflow: ".github/workflows/nightly-train.yml" };
    const trained = await lab.rehearse(night);
    expect(trained.conclusion, trained.log).toBe("success");
    expect(trained.summary).toContain("Selections score by the learned model");
    expect(Number(trained.outputs("ml-test-select/train")[0]?.auc)).toBeGreaterThan(0.9);
    expect([kept("model").length, kept("state").length]).toEqual([1, 2]);

    const pull = await lab.pull({ "src/ash.py": "resin = 3\n" });
    expect(pull.log).toMatch(/The history: 0 runs read, 91 known from its state/);
    expect(pull.ran).toContain("test_it");
    const plan = JSON.parse(pull.artifacts(/^test-plan\.json$/)[0]!.content.toString());
    expect(plan.model.kind).toBe("logistic");
    expect(plan.model.ece).toBeLessThan(0.2);
    expect(plan.tests[0].probability).toBeGreaterThan(0.1);
    expect(plan.tests[0].id).toBe("tests/test_elm.py||test_it");
    expect(plan.import_distances).toEqual([{ path: "tests/test_oak.py", distance: 1 }]);
    expect(plan.text_similarities).toEqual([{ path: "tests/test_pine.py", similarity: 1 }]);
  }, 180_000);
});

describe("train, as it is built", () => {
  let actions: string;
  let workspace: string;
  beforeAll(async () => {
    actions = await build();
  });
  beforeEach(() => {
    workspace = join(realpathSync(mkdtempSync(join(tmpdir(), "train-"))), "lab");
    mkdirSync(workspace);
    return () => rmSync(dirname(workspace), { recursive: true, force: true });
  });
  const train = (inputs: Record<string, string>) => runEntry(actions, "ml-test-select/train", inputs, workspace);
  const folder = () => ({ store: "file", "store-location": join(workspace, "history") });

  test("writes model and report, and keeps the model in the store", async () => {
    const store = fileStore(join(workspace, "history"));
    for (const run of history(60)) await store.append(segmentPath(run), encodeSegment(run));
    const ended = await train({ ...folder(), output: "out" });
    expect(ended.code, ended.log).toBe(0);
    expect(ended.outputs).toMatchObject({
      model: join(workspace, "out/model.json"),
      report: join(workspace, "out/report.json"),
      auc: expect.stringMatching(/^0\.9|^1/),
      f1: expect.stringMatching(/^[01]\./),
      "time-saved": expect.stringMatching(/^0\.\d{4}$/),
      kept: "true",
    });
    const report = JSON.parse(readFileSync(ended.outputs.report!, "utf8"));
    expect(report).toMatchObject({ scorer: "logistic", runs: 60, failing_runs: 40, comparison: null, kept: true });
    expect(report.selector).toMatchObject({ runs: 50, target_recall: 0.95 });
    expect(report.time_saved.toFixed(4)).toBe(ended.outputs["time-saved"]);
    expect(report.importance[0].importance).toBeGreaterThan(0);
    const [model] = (await store.list()).filter((path) => path.startsWith("v1/model/"));
    expect((await store.read(model!)).toString()).toBe(readFileSync(ended.outputs.model!, "utf8"));

    // Three more failing runs do not tell which of two models is better.
    for (const run of history(65).slice(60)) await store.append(segmentPath(run), encodeSegment(run));
    const models = async () => (await store.list()).filter((path) => path.startsWith("v1/model/"));
    const again = await train(folder());
    expect([again.outputs.kept, await models()]).toEqual(["false", [model]]);
    expect(again.log).toMatch(/The stored model stays: there are 3 failing runs that it had not seen, too few/);
    const forced = await train({ ...folder(), force: "true" });
    expect([forced.outputs.kept, (await models()).length]).toEqual(["true", 2]);
    expect(forced.log).toMatch(
      /replaced by `force`.* the mean APFDc is [\d.]+ by the new model and [\d.]+ by the stored/,
    );
  });

  test("says what is missing", async () => {
    const empty = await train(folder());
    expect([empty.code, empty.log]).toEqual([1, expect.stringMatching(/::error::The history has no run yet/)]);
    const artifacts = await train({ store: "artifact" });
    expect(artifacts.log).toMatch(/::error::Input `store` is `artifact`, which keeps no model/);
  });

  test("a model of nowhere, or of a store that has none, is told to the user and selects nothing by itself", async () => {
    writeFileSync(join(workspace, "bad.json"), "{}");
    const select = (inputs: Record<string, string>) =>
      runEntry(actions, "ml-test-select", { runner: "pytest", ...inputs }, workspace);
    const bad = await select({ ...folder(), model: join(workspace, "bad.json") });
    expect([bad.code, bad.outputs.mode]).toEqual([0, "all"]);
    expect(bad.outputs.reason).toMatch(/bad\.json is no model that can be used/);
    const absent = await select({ ...folder(), model: join(workspace, "none.json") });
    expect(absent.outputs.reason).toMatch(
      /^Everything runs: input `model` names .*none\.json, .* there is no such file\.$/,
    );
    const artifact = await select({ store: "artifact", model: "x" });
    expect(artifact.log).toMatch(/::error::Input `model` is given, but `store` is `artifact`/);
  });
});
