/** ml-test-select/exec, as it is built, over Go packages: folders are found in the work tree, and told from folders without tests. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { type Ended, runEntry } from "../loop/entry.ts";
import { describeWithPeer } from "../peers.ts";

describeWithPeer("gotestsum", (gotestsum) => {
  const workspace = join(realpathSync(mkdtempSync(join(tmpdir(), "exec-go-"))), "lab");
  // The home of a step is new, and the standard library compiled for a minute there. No result of a test is found in the machine's
  // cache: the folder is of this run.
  const goCache = execFileSync("go", ["env", "GOCACHE"], { encoding: "utf8" }).trim();
  let actions: string;
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    writeFileSync(join(workspace, path), content);
  };
  const passes = (name: string): string =>
    `package p\n\nimport "testing"\n\nfunc Test${name}(t *testing.T) { t.Log("RAN ${name}") }\n`;
  beforeAll(async () => {
    actions = await build();
    write("go.mod", "module example.com/m\n\ngo 1.21\n");
    write("root_test.go", passes("Root"));
    write("a/a_test.go", passes("A"));
    write("b/deep/b_test.go", passes("B"));
    write("none/none.go", "package none\n");
  });
  afterAll(() => rmSync(dirname(workspace), { recursive: true, force: true }));

  const exec = (folder: string, inputs: Record<string, string> = {}): Promise<Ended> => {
    const chosen = { id: `example.com/m/${folder}||TestX`, file: folder, chosen: true, p_run: 1, reason: "" };
    const plan = { version: 1, mode: "select", run: "chosen", runner: "go-test", shards: 1, reason: "", seed: "" };
    write("plan.json", JSON.stringify({ ...plan, tests: [chosen], files: [] }));
    const env = { PATH: `${dirname(gotestsum)}:${process.env.PATH}`, GOCACHE: goCache };
    return runEntry(
      actions,
      "ml-test-select/exec",
      { plan: "plan.json", runner: "go-test", args: "-v", ...inputs },
      workspace,
      env,
    );
  };
  const ran = ({ log }: Ended): string[] => [...log.matchAll(/^.*: RAN (\w+)$/gm)].map(([, name]) => name!).sort();

  test.each([
    ["a", {}, ["A"]],
    [".", {}, ["Root"]],
    ["b/deep", { "working-directory": "b" }, ["B"]],
    // Nothing would be tested there, and go would call it a pass.
    ["none", {}, ["A", "B", "Root"]],
    ["gone", {}, ["A", "B", "Root"]],
    ["a", { "working-directory": "b" }, ["B"]],
  ])("the chosen folder %s with %j runs %j", async (folder, inputs, expected) => {
    const ended = await exec(folder, inputs);
    expect(ran(ended), ended.log).toEqual(expected);
    expect(ended.code).toBe(0);
  });

  test("with a report, gotestsum is what starts", async () => {
    const ended = await exec("a", { report: "out/go.xml" });
    expect(ended.log).toContain("DONE 1 test");
    expect(ended.code).toBe(0);
  });
});
