/** The built lint on files of the real `sops`, without any key: each rule finds its fault, and nothing else is found. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { type AgeKey, ageKey, Lab } from "./lab.ts";

describeWithPeer("sops", (sops) => {
  let actions: string;
  let [ours, other]: AgeKey[] = [];
  let lab: Lab;
  beforeAll(async () => {
    actions = await build();
    [ours, other] = [await ageKey(), await ageKey()];
  });
  beforeEach(() => {
    lab = new Lab(actions, sops);
    rules({ path_regex: "^secrets/.*", age: ours!.recipient });
    lab.encrypt(
      "secrets/good.yaml",
      "# comment\ndb:\n  password: correct-horse\n  empty: ''\n  none: null\n",
      ours!.recipient,
    );
    lab.write("README.md", "What sops is.\n");
  });
  afterEach(() => lab.remove());

  const rules = (...all: object[]) => lab.write(".sops.yaml", JSON.stringify({ creation_rules: all }));
  const edit = (path: string, from: string | RegExp, to: string) => {
    const text = readFileSync(join(lab.workspace, path), "utf8");
    expect(text).toMatch(from);
    lab.write(path, text.replace(from, to));
  };
  const run = async (inputs: Record<string, string> = {}) => {
    lab.git("add", "--all");
    const ended = await lab.start("lint/main", inputs).ended;
    const log = JSON.parse(readFileSync(lab.outputs.sarif ?? "", "utf8")) as {
      runs: {
        results: {
          ruleId: string;
          level: string;
          message: { text: string };
          locations: { physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } } }[];
        }[];
      }[];
    };
    const found = log.runs[0]!.results.map(
      ({ ruleId, level, locations: [at] }) =>
        `${ruleId} ${level} ${at!.physicalLocation.artifactLocation.uri}:${at!.physicalLocation.region.startLine}`,
    );
    expect(lab.outputs.findings).toBe(String(found.length));
    return { ...ended, found };
  };

  test("nothing is found where nothing is wrong, in any store", async () => {
    for (const [name, content] of [
      ["a.json", '{"a":[1,true,"x"],"b_unencrypted":2}'],
      ["b.env", "A=1\n# c\n"],
      ["c.ini", "[s]\na = 1\n"],
      ["d.bin", "x\0y"],
    ] as const)
      lab.encrypt(`secrets/${name}`, content, ours!.recipient);
    const { found, code, log } = await run({ "fail-on": "note" });
    expect([found, code, lab.outputs.checked]).toEqual([[], 0, "5"]);
    expect(log).toContain("Checked 5 files: 0 findings.");
  });

  test.each<[string, () => void, string[]]>([
    [
      "S1: a file that a rule names is not encrypted",
      () => lab.write("secrets/plain.yaml", "password: x\n"),
      ["S1 error secrets/plain.yaml:1"],
    ],
    ["S1: a file that is no YAML at all", () => lab.write("secrets/key", "-----BEGIN\n"), ["S1 error secrets/key:1"]],
    ["S1: no MAC", () => edit("secrets/good.yaml", /mac: .*/, 'mac: ""'), ["S1 error secrets/good.yaml:6"]],
    [
      "S2: a value is plain",
      () => edit("secrets/good.yaml", /password: .*/, "password: hunter2"),
      ["S2 error secrets/good.yaml:3"],
    ],
    [
      "S2: a plain number",
      () => edit("secrets/good.yaml", /password: .*/, "password: 5"),
      ["S2 error secrets/good.yaml:3"],
    ],
    [
      "S3: a key that the rule does not name",
      () => lab.encrypt("secrets/good.yaml", "a: b\n", `${ours!.recipient},${other!.recipient}`),
      ["S3 error secrets/good.yaml:2"],
    ],
    [
      "S3: a key that is missing",
      () => rules({ path_regex: "^secrets/.*", age: `${ours!.recipient},${other!.recipient}` }),
      ["S3 warning secrets/good.yaml:6"],
    ],
    [
      "S4: another selection",
      () => rules({ path_regex: "^secrets/.*", age: ours!.recipient, encrypted_regex: "^password$" }),
      ["S4 warning secrets/good.yaml:19"],
    ],
    [
      "S5: an expression of another engine",
      () => rules({ path_regex: "^secrets/.*", age: ours!.recipient }, { path_regex: "^x", encrypted_regex: "^(?!a)" }),
      ["S5 error .sops.yaml:1"],
    ],
    ["S6: no rule", () => rules({ path_regex: "^other/", age: ours!.recipient }), ["S6 warning secrets/good.yaml:1"]],
    [
      "S7: a name of another format",
      () => renameSync(join(lab.workspace, "secrets/good.yaml"), join(lab.workspace, "secrets/good.yaml.enc")),
      ["S7 warning secrets/good.yaml.enc:1"],
    ],
    ["S8: a configuration that is not read", () => lab.write(".sops.yml", "{}\n"), ["S8 warning .sops.yml:1"]],
    [
      "S9: remains of a merge",
      () => edit("secrets/good.yaml", /^db:/m, "<<<<<<< HEAD\ndb:"),
      ["S9 error secrets/good.yaml:2"],
    ],
    ["S9: a key twice", () => edit("secrets/good.yaml", /^db:/m, "db: 1\ndb:"), ["S9 error secrets/good.yaml:1"]],
    [
      "S10: a partial MAC",
      () => {
        rules({ path_regex: "^secrets/.*", age: ours!.recipient, mac_only_encrypted: true });
        execFileSync(sops, ["encrypt", "--in-place", lab.write("secrets/good.yaml", "a: b\n")], { cwd: lab.workspace });
      },
      ["S10 note secrets/good.yaml:15"],
    ],
    [
      "S11: the plain form beside it",
      () => {
        lab.encrypt("secrets/x.enc.json", '{"a":"b"}', ours!.recipient);
        rules({ path_regex: "^secrets/.*enc.json$|good", age: ours!.recipient });
        lab.write("secrets/x.json", '{"a":"b"}');
      },
      ["S11 error secrets/x.json:1"],
    ],
    [
      "S12: an encrypted comment in a list",
      () => lab.encrypt("secrets/good.yaml", "a:\n  - x\n  # c\n  - y\n", ours!.recipient),
      ["S12 warning secrets/good.yaml:1"],
    ],
  ])("%s", async (_, change, expected) => {
    change();
    const { found, log } = await run();
    expect(found, log).toEqual(expected);
    expect(log).not.toMatch(/hunter2|password: x|correct-horse/);
  });

  test("S5: SOPS encrypted nothing, and lint says so", async () => {
    const expression = "^(?!public).*$";
    rules({ path_regex: "^secrets/.*", age: ours!.recipient, encrypted_regex: expression });
    lab.write("secrets/good.yaml", "password: hunter2\n");
    lab.encrypt("secrets/good.yaml", "password: hunter2\n", ours!.recipient, "--encrypted-regex", expression);
    expect(readFileSync(join(lab.workspace, "secrets/good.yaml"), "utf8")).toContain("hunter2");
    const { found } = await run();
    expect(found).toEqual(["S5 error .sops.yaml:1", expect.stringMatching(/^S5 error secrets\/good.yaml:\d+$/)]);
  });

  test("S13: a threshold that nobody can reach", async () => {
    rules({ path_regex: "^secrets/.*", key_groups: [{ age: [ours!.recipient] }, { age: [other!.recipient] }] });
    const file = lab.write("secrets/good.yaml", "a: b\n");
    execFileSync(sops, ["encrypt", "--in-place", file], { cwd: lab.workspace });
    expect((await run()).found).toEqual([]);
    edit("secrets/good.yaml", /shamir_threshold: 2/, "shamir_threshold: 3");
    expect((await run()).found).toEqual([expect.stringMatching(/^S13 error/)]);
  });

  test("what fails the step is chosen by level", async () => {
    rules({ path_regex: "^other/", age: ours!.recipient });
    expect([
      (await run()).code,
      (await run({ "fail-on": "warning" })).code,
      (await run({ "fail-on": "none" })).code,
    ]).toEqual([0, 1, 0]);
  });

  test("without .sops.yaml only what needs no rules is checked, and links are not followed", async () => {
    rmSync(join(lab.workspace, ".sops.yaml"));
    symlinkSync("/etc/passwd", join(lab.workspace, "secrets/link.yaml"));
    expect((await run()).found).toEqual([]);
    expect(lab.summary).toContain("There is no `.sops.yaml`");
  });

  test("hostile rules end early", async () => {
    rules({ path_regex: "^(a+)+$|((a{1,100}){1,100}){1,100}", age: ours!.recipient });
    lab.write(`${"a".repeat(200)}!`, "x");
    expect((await run()).code).toBe(1);
  });
});

describeWithPeer("sarif", (sarif) => {
  test("a reader of SARIF 2.1.0 finds the findings, their levels and places", async () => {
    const lab = new Lab(await build(), "");
    try {
      lab.write(".sops.yaml", JSON.stringify({ creation_rules: [{ path_regex: "secret", age: "age1x" }] }));
      lab.write('a secret "ünï".yaml', "a: b\n");
      lab.git("add", "--all");
      await lab.start("lint/main", {}).ended;
      execFileSync(sarif, ["--check", "note", "csv", "--output", "out.csv", lab.outputs.sarif ?? ""], {
        cwd: lab.temp,
        stdio: "pipe",
      });
    } catch (error) {
      // It ends with 1 where there are findings.
      expect((error as { status: number }).status, String(error)).toBe(1);
      const csv = readFileSync(join(lab.temp, "out.csv"), "utf8");
      expect(csv).toMatch(/error,S1,.*Creation rule 1 names it.*,1$/m);
    } finally {
      lab.remove();
    }
  });
});

describeWithPeer("sarif-schema", (ajv) => {
  test("the report is valid by the schema of SARIF 2.1.0", async () => {
    const lab = new Lab(await build(), "");
    const schema = join(dirname(ajv), "../@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json");
    const validate = (file: string): string => {
      const { stdout, stderr } = spawnSync(ajv, ["validate", "--schema-id=id", "-s", schema, "-d", file], {
        encoding: "utf8",
      });
      return stdout + stderr;
    };
    try {
      lab.write(".sops.yaml", JSON.stringify({ creation_rules: [{ path_regex: "secret", age: "age1x" }] }));
      lab.write('a secret "ünï".yaml', "a: b\n");
      lab.git("add", "--all");
      await lab.start("lint/main", {}).ended;
      const sarif = join(lab.temp, "report.json");
      renameSync(lab.outputs.sarif ?? "", sarif);
      expect(validate(sarif)).toBe(`${sarif} valid\n`);
      const broken = join(lab.temp, "broken.json");
      writeFileSync(broken, readFileSync(sarif, "utf8").replaceAll('"level": "error"', '"level": "fatal"'));
      expect(validate(broken)).toContain("invalid");
    } finally {
      lab.remove();
    }
  });
});
