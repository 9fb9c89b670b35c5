/** The built action on files that the real `sops` encrypted: verified, masked, given out, cleaned up. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
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

  const yaml = "db:\n  user: deployer\n  password: correct-horse\n  port: 5432\nplain_unencrypted: seen\n";

  test.each([
    ["secrets.yaml", yaml],
    ["secrets.json", '{"db":{"user":"deployer","password":"correct-horse"}}'],
  ])("decrypts %s, verifies, masks, sets variables, and blanks them after the job", async (file, content) => {
    lab.encrypt(file, content, key.recipient);
    const ended = await lab.main({
      files: file,
      "age-key": key.identity,
      keys: "db.user\ndb.password as PGPASSWORD",
      export: "env",
    });
    expect(ended.code, ended.log).toBe(0);
    expect(lab.variables).toEqual({ db_user: "deployer", PGPASSWORD: "correct-horse" });
    expect(lab.outputs).toEqual({ decrypted: "true", keys: "db_user\nPGPASSWORD", file: "" });
    expect(ended.masks).toEqual(expect.arrayContaining([key.identity, "deployer", "correct-horse"]));
    expect(ended.log).not.toMatch(/deployer|correct-horse/);
    expect((await lab.post()).code).toBe(0);
    expect(lab.variables).toEqual({ db_user: "", PGPASSWORD: "" });
  });

  test("writes a file for the user alone, and removes it", async () => {
    lab.encrypt("secrets.yaml", yaml, key.recipient);
    const ended = await lab.main({
      files: "secrets.yaml",
      "age-key": key.identity,
      export: "file",
      "output-format": "json",
    });
    expect(ended.code, ended.log).toBe(0);
    const { file = "" } = lab.outputs;
    expect(file.startsWith(lab.temp)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
      db: { user: "deployer", password: "correct-horse", port: 5432 },
      plain_unencrypted: "seen",
    });
    await lab.post();
    expect(existsSync(file)).toBe(false);
    expect(existsSync(join(file, ".."))).toBe(false);
  });

  const bytes = (length: number): Buffer => Buffer.alloc(length, Buffer.from([0, 255, 10, 39, 128, 65, 66]));

  test("decrypts a binary file just below the default limit", async () => {
    const content = bytes(6_700_000);
    const encrypted = lab.encrypt("model.bin", content, key.recipient);
    expect(encrypted.length).toBeGreaterThan(8_900_000);
    const ended = await lab.main({
      files: "model.bin",
      "age-key": key.identity,
      export: "file",
      "no-mask": "data",
    });
    expect(ended.code, ended.log.slice(-300)).toBe(0);
    expect(readFileSync(lab.outputs.file ?? "").equals(content)).toBe(true);
  });

  test("what is too large to be masked is given out only when it need not be", async () => {
    const content = bytes(10_000_001);
    lab.encrypt("model.bin", content, key.recipient);
    const inputs = { files: "model.bin", "age-key": key.identity, export: "file", "max-file-size": "20000000" };
    const refused = await lab.main(inputs);
    expect(refused.code).toBe(1);
    expect(refused.log).toContain("have 10000001 bytes, more than can be masked (10000000)");
    expect(refused.log).toContain("is at data");
    expect([...lab.files().keys()].filter((path) => path.startsWith("temp/"))).toEqual([]);
    const ended = await lab.main({ ...inputs, "no-mask": "data" });
    expect(ended.code, ended.log.slice(-300)).toBe(0);
    expect(readFileSync(lab.outputs.file ?? "").equals(content)).toBe(true);
  });

  test("refuses a file that was changed", async () => {
    const encrypted = lab.encrypt("secrets.yaml", yaml, key.recipient).toString();
    lab.write("secrets.yaml", encrypted.replace("seen", "sewn"));
    const ended = await lab.main({ files: "secrets.yaml", "age-key": key.identity, export: "env" });
    expect(ended.code).toBe(1);
    expect(ended.log).toContain("Its MAC does not fit its values");
    expect(lab.variables).toEqual({});
  });

  test("a script gets the values, and nothing of the action", async () => {
    lab.encrypt("secrets.yaml", yaml, key.recipient);
    const ended = await lab.exec(
      {
        files: "secrets.yaml",
        "age-key": key.identity,
        keys: "db.password as PGPASSWORD",
        run: 'env | sort\ntr "\\0" "\\n" </proc/$PPID/environ | grep -c AGE-SECRET || true\nexit 7',
      },
      { ACTIONS_RUNTIME_TOKEN: "rt-1", SOPS_AGE_KEY: "AGE-SECRET-KEY-X" },
    );
    expect(ended.code, ended.log).toBe(7);
    expect(ended.log).toContain("PGPASSWORD=correct-horse");
    expect(ended.log).not.toMatch(/INPUT_|STATE_|ACTIONS_RUNTIME|AGE-SECRET|ExperimentalWarning/);
    expect(lab.variables).toEqual({});
    await lab.post("exec/post");
    expect([...lab.files().keys()].filter((path) => path.startsWith("temp/"))).toEqual([]);
  });

  test("a script starts after all masks have arrived, and its output is whole, however slowly it is read", async () => {
    const values = Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`v${i}`, `value-number-${i}?`]));
    lab.encrypt("secrets.json", JSON.stringify(values), key.recipient);
    const run = 'echo "picked $PICKED"\ngrep flags /proc/$$/fdinfo/1 || true\nseq 100000\necho done';
    const inputs = { files: "secrets.json", "age-key": key.identity, keys: "v1499 as PICKED", run };
    const ended = await lab.exec(inputs, {}, 1);
    expect(ended.code, ended.log.slice(-2000)).toBe(0);
    const [before] = ended.raw.split("picked ");
    const missing = Object.values(values).filter((value) => !before?.includes(`::add-mask::${value}\n`));
    expect(missing).toEqual([]);
    expect(ended.log.split("\n").filter((line) => /^\d+$/.test(line))).toHaveLength(100_000);
    expect(ended.log).toMatch(/\ndone\n$/);
    // O_NONBLOCK would make the script lose what a full pipe does not take.
    expect(ended.log).not.toMatch(/flags:\s+\d*[4-7]\d{3}$/m);
  });

  test("what the action itself says last arrives before the script takes its place", async () => {
    const long = (letter: string): string => letter.repeat(90);
    const short = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [long("c") + i, `x${i}`]));
    const values = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`v${i}`, `value-number-${i}?`]));
    lab.encrypt("secrets.json", JSON.stringify({ ...values, [long("a")]: { [long("b")]: short } }), key.recipient);
    // The masks fill the pipe, and the warning is longer than what the reader takes while the script is made ready.
    const inputs = {
      files: "secrets.json",
      "age-key": key.identity,
      "short-secrets": "warn",
      run: "echo script-started",
    };
    const ended = await lab.exec(inputs, {}, 40);
    expect(ended.code, ended.log.slice(-2000)).toBe(0);
    const [before = ""] = ended.log.split("script-started");
    expect(before).toContain("::warning::20 values are too short to be masked");
    expect(before).toContain("Decrypted and verified 1 file; the script gets 520 values.\n");
  });

  test.each([
    ["a variable", { big: "x".repeat(140_000) }, "The variable big has 140004 bytes, more than 131000"],
    [
      "an environment",
      Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`big${i}`, "x".repeat(100_000)])),
      "the largest of its variables is big",
    ],
  ])("%s that the system would not take is refused, and nothing runs", async (_, values, message) => {
    lab.encrypt("secrets.json", JSON.stringify(values), key.recipient);
    const ended = await lab.exec({ files: "secrets.json", "age-key": key.identity, run: "echo script-started" });
    expect(ended.code).toBe(1);
    expect(ended.log).toContain(message);
    expect(ended.log).not.toContain("script-started");
  });
});
