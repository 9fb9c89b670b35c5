/** Where we agree with SOPS in what the MAC does not notice, and where we differ on purpose; the README lists both. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { locate } from "../../scripts/peers.ts";
import { describeWithPeer } from "../peers.ts";
import { type AgeKey, ageKey, Lab } from "./lab.ts";

describeWithPeer("sops", (sops) => {
  let actions: string;
  let key: AgeKey;
  let lab: Lab;
  beforeAll(async () => {
    actions = await build();
    key = await ageKey();
  });
  beforeEach(() => {
    lab = new Lab(actions, sops);
  });
  afterEach(() => lab.remove());

  const accepts = (tool: string, file: string): boolean =>
    spawnSync(tool, ["decrypt", file], {
      cwd: lab.workspace,
      env: { PATH: process.env.PATH, HOME: lab.root, SOPS_AGE_KEY: key.identity },
    }).status === 0;
  const accepted = async (file: string): Promise<boolean> =>
    (await lab.main({ files: file, "age-key": key.identity })).code === 0;

  describe("neither notices", () => {
    const content =
      "kind_unencrypted: Secret\na_unencrypted: v1\nb_unencrypted: Secret\nport_unencrypted: 5432\npassword: correct-horse\nnumber: 17012\ndb:\n  user: deployer\n";
    test.each<[string, string | RegExp, string]>([
      ["another name of an unencrypted key", "kind_unencrypted", "kindX_unencrypted"],
      [
        "bytes that move between neighbours",
        "a_unencrypted: v1\nb_unencrypted: Secret",
        "a_unencrypted: v\nb_unencrypted: 1Secret",
      ],
      ["a key with an empty value", "password:", 'new: ""\npassword:'],
      ["a key with a null", "password:", "new: null\npassword:"],
      ["a comment", "password:", "# new\npassword:"],
      ["another type of an unencrypted value", "port_unencrypted: 5432", 'port_unencrypted: "5432"'],
      ["another type of an encrypted value", "type:int]", "type:str]"],
      ["a value that becomes a list of one", /password: (ENC\S+)/, "password:\n    - $1"],
      ["two keys that become one with a colon", /db:\n +user: (ENC\S+)/, '"db:user": $1'],
      ["a document that ends earlier", /(password: [\s\S]*?)(sops:\n[\s\S]*)/, "$2---\n$1$2"],
      ["other names of who may open it", /recipient: age1\S+/, "recipient: age1somebody"],
      ["another version", /version: [\d.]+/, "version: 3.9.0"],
    ])("%s", async (_, from, to) => {
      const text = lab.encrypt("s.yaml", content, key.recipient).toString();
      expect(text).toMatch(from);
      lab.write("s.yaml", text.replace(from, to));
      expect([accepts(sops, "s.yaml"), await accepted("s.yaml")]).toEqual([true, true]);
    });
  });

  test("both read a flow collection that ends at the margin, as sops can write one", async () => {
    const text = lab.encrypt("s.yaml", "a:\n    b: {}\n    c: []\npassword: correct-horse\n", key.recipient).toString();
    const margin = (mark: string): string => `${mark[0]}\n${" ".repeat(8)}# alone\n${mark[1]}`;
    lab.write("s.yaml", text.replace("{}", margin("{}")).replace("[]", margin("[]")));
    expect([accepts(sops, "s.yaml"), await accepted("s.yaml")]).toEqual([true, true]);
  });

  test("neither notices another unencrypted value where the MAC covers encrypted ones only, and both do otherwise", async () => {
    for (const only of [true, false]) {
      const rule = { age: key.recipient, mac_only_encrypted: only };
      lab.write(".sops.yaml", JSON.stringify({ creation_rules: [rule] }));
      const file = lab.write("s.yaml", "a_unencrypted: v1\npassword: correct-horse\n");
      execFileSync(sops, ["encrypt", "--in-place", file], { cwd: lab.workspace });
      lab.write("s.yaml", readFileSync(file, "utf8").replace("v1", "v2"));
      expect([accepts(sops, "s.yaml"), await accepted("s.yaml")]).toEqual([only, only]);
    }
  });

  describe("both notice", () => {
    const content = "a: first-value\nb: second-value\nlist:\n  - one-value\n  - two-value\n";
    const values = (text: string) => text.match(/ENC\[AES256_GCM,[^\]]*\]/g) as [string, string, string, string];
    test.each<[string, (text: string) => string]>([
      [
        "a value at another key",
        (text) => {
          const [a, b] = values(text);
          return text.replace(a, "<X>").replace(b, a).replace("<X>", b);
        },
      ],
      [
        "two items of a list in another order",
        (text) => {
          const [, , c, d] = values(text);
          return text.replace(c, "<X>").replace(d, c).replace("<X>", d);
        },
      ],
      ["a value that is blanked", (text) => text.replace(values(text)[0], '""')],
      ["a value that is null", (text) => text.replace(values(text)[0], "null")],
      ["no MAC", (text) => text.replace(/mac: .*/, 'mac: ""')],
      ["another time of change", (text) => text.replace(/lastmodified: "20/, 'lastmodified: "19')],
      ["another rule", (text) => text.replace("unencrypted_suffix: _unencrypted", "encrypted_suffix: _x")],
    ])("%s", async (_, change) => {
      const text = lab.encrypt("s.yaml", content, key.recipient).toString();
      const changed = change(text);
      expect(changed).not.toBe(text);
      lab.write("s.yaml", changed);
      expect([accepts(sops, "s.yaml"), await accepted("s.yaml")]).toEqual([false, false]);
    });
  });

  test("a comment in a list: 3.13.2 does not read what it wrote; 3.13.1 and we do", async () => {
    lab.encrypt("s.yaml", "a:\n  - one-value\n  # comment\n  - two-value\n", key.recipient);
    expect(await accepted("s.yaml")).toBe(true);
    expect(accepts(sops, "s.yaml")).toBe(false);
    const older = locate("sops-3.13.1");
    if (older) expect(accepts(older, "s.yaml")).toBe(true);
  });

  test("a time of change without quotes, as other writers have it, is read here", async () => {
    const text = lab.encrypt("s.yaml", "a: some-value\n", key.recipient).toString();
    lab.write("s.yaml", text.replace(/lastmodified: "(.*)"/, "lastmodified: $1"));
    expect([accepts(sops, "s.yaml"), await accepted("s.yaml")]).toEqual([false, true]);
  });

  test("an expression that RE2 refuses: SOPS encrypts nothing, and we warn", async () => {
    const text = lab.encrypt("s.yaml", "a: some-value\n", key.recipient, "--encrypted-regex", "^(?!b)").toString();
    expect(text).toContain("a: some-value");
    const ended = await lab.main({ files: "s.yaml", "age-key": key.identity });
    expect(ended.code).toBe(0);
    expect(ended.log).toMatch(/::warning .*its values stand in the repository/);
  });
});

test("every test that the invariants in the README name is there", () => {
  const page = join(import.meta.dirname, "../../actions/sops-decrypt/README.md");
  const rows = /\n## Invariants\n[\s\S]*?\n\n### /.exec(readFileSync(page, "utf8"))?.[0].match(/^\| \d+ \|.*$/gm) ?? [];
  expect(rows.map((row) => Number(row.split("|")[1]))).toEqual(Array.from({ length: 14 }, (_, i) => i + 1));
  for (const row of rows) {
    const named = [...row.matchAll(/\[[\w-]+\]\(([^)]+)\)((?:,? "[^"]+")*)/g)];
    expect(named, row).not.toEqual([]);
    for (const [, file = "", names = ""] of named) {
      const text = readFileSync(join(dirname(page), file), "utf8");
      for (const [, name = ""] of names.matchAll(/"([^"]+)"/g)) expect(text, file).toContain(name);
    }
  }
});

describeWithPeer("age-keygen", (keygen) => {
  describeWithPeer("sops", (sops) => {
    test("the setup guide, as it is copied from the README", async () => {
      const readme = readFileSync(join(import.meta.dirname, "../../actions/sops-decrypt/README.md"), "utf8");
      const commands = /^## From no key[\s\S]*?```sh\n([\s\S]*?)```/m.exec(readme)?.[1]?.trim().split("\n") ?? [];
      expect(commands).toHaveLength(4);
      const lab = new Lab(await build(), sops);
      try {
        const path = [dirname(keygen), dirname(sops), process.env.PATH].join(delimiter);
        execFileSync("bash", ["-ec", commands.join("\n")], {
          cwd: lab.workspace,
          env: { PATH: path, HOME: lab.root },
          stdio: "pipe",
        });
        const ended = await lab.main({
          files: "secrets/production.yaml",
          "age-key": readFileSync(join(lab.root, "key.txt"), "utf8"),
          keys: "db.password as PGPASSWORD",
          export: "env",
        });
        expect(ended.code, ended.log).toBe(0);
        expect(lab.variables).toEqual({ PGPASSWORD: "change-me-soon" });
        expect((await lab.start("lint/main", { paths: "secrets/*", "fail-on": "note" }).ended).log).toContain(
          "0 findings",
        );
      } finally {
        lab.remove();
      }
    });
  });
});
