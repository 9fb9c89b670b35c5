/** PGP keys that the real `gpg` made, files that the real `sops` encrypted for them, decrypted by the built action. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { ageKey, Lab } from "./lab.ts";

const yaml = "db:\n  account: deployer\n  password: correct-horse\n";

const mayUnshare = spawnSync("unshare", ["--map-root-user", "--mount", "true"]).status === 0;

describeWithPeer("sops", (sops) => {
  let actions: string;
  let home: string;
  let lab: Lab;
  const keys: Record<string, { fingerprint: string; secret: string }> = {};

  const gpg = (args: string[], input = ""): string =>
    execFileSync("gpg", ["--batch", "--homedir", home, "--pinentry-mode", "loopback", ...args], {
      input,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "ignore"],
    });

  function make(name: string, algorithm: string, passphrase: string): void {
    gpg(["--passphrase", passphrase, "--quick-generate-key", `${name}@example.org`, algorithm, "default", "0"]);
    const [, fingerprint = ""] = /^fpr:+([0-9A-F]{40}):/m.exec(gpg(["--with-colons", "--list-keys", `${name}@`])) ?? [];
    const secret = gpg(["--passphrase", passphrase, "--armor", "--export-secret-keys", fingerprint]);
    keys[name] = { fingerprint, secret };
  }

  beforeAll(async () => {
    actions = await build();
    home = mkdtempSync(join(tmpdir(), "pgp-"));
    make("ed", "future-default", "");
    make("rsa", "rsa2048", "");
    make("locked", "future-default", "long-passphrase");
    // What `future-default` and `rsa2048` make has a key for encryption only where it is asked for.
    gpg(["--passphrase", "", "--quick-add-key", keys.rsa!.fingerprint, "rsa2048", "encr", "0"]);
    keys.rsa!.secret = gpg(["--armor", "--export-secret-keys", keys.rsa!.fingerprint]);
  }, 300_000);
  afterAll(() => {
    execFileSync("gpgconf", ["--homedir", home, "--kill", "all"]);
    rmSync(home, { recursive: true, force: true });
  });
  beforeEach(() => {
    lab = new Lab(actions, sops);
  });
  afterEach(() => lab.remove());

  function encrypt(args: string[]): void {
    const file = lab.write("secrets.yaml", yaml);
    execFileSync(sops, ["encrypt", "--in-place", ...args, file], {
      cwd: lab.workspace,
      env: { PATH: process.env.PATH, HOME: home, GNUPGHOME: home },
      stdio: "ignore",
    });
  }

  /** Agents whose home is in the lab. */
  const agents = (): string[] =>
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          return readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").join(" ");
        } catch {
          return [];
        }
      })
      .filter((line) => line.includes("gpg-agent") && line.includes(lab.root));

  const decrypt = (inputs: Record<string, string>, env: Record<string, string> = {}) => {
    const empty = join(lab.root, "home");
    mkdirSync(empty, { recursive: true });
    return lab.main({ files: "secrets.yaml", export: "env", ...inputs }, { HOME: empty, ...env });
  };

  function leavesNothing(ended: { log: string }, name: string): void {
    for (const line of keys[name]!.secret.split("\n").filter((each) => each.length > 20 && !each.startsWith("-"))) {
      expect(ended.log).not.toContain(line);
      expect(JSON.stringify(lab.state)).not.toContain(line);
    }
    expect([...lab.files().keys()].filter((path) => /^(temp|home)\//.test(path))).toEqual([]);
    expect(agents()).toEqual([]);
  }

  test.each([
    ["ed", {}],
    ["rsa", {}],
    ["locked", { "pgp-passphrase": "long-passphrase" }],
  ])("opens what is encrypted for %s, and leaves neither a home nor an agent", async (name, inputs) => {
    const { fingerprint, secret } = keys[name]!;
    encrypt(["--pgp", fingerprint]);
    const ended = await decrypt({ "pgp-key": secret, ...inputs });
    expect(ended.code, ended.log).toBe(0);
    expect(lab.variables).toEqual({ db_account: "deployer", db_password: "correct-horse" });
    leavesNothing(ended, name);
  });

  test.each<[string, string, Record<string, string>, (string | RegExp)[]]>([
    ["another key", "rsa", {}, [/It is encrypted for PGP [0-9A-F]{40}; offered was PGP [0-9A-F]{40}\./]],
    [
      "a wrong passphrase",
      "locked",
      { "pgp-passphrase": "another-one" },
      [/passphrase of the PGP key for "[0-9A-F]{40}" is wrong or missing/],
    ],
    ["no passphrase", "locked", {}, [/passphrase of the PGP key for "[0-9A-F]{40}" is wrong or missing/]],
  ])("says why, and leaves nothing: %s", async (what, name, inputs, messages) => {
    encrypt(["--pgp", keys[what === "another key" ? "ed" : name]!.fingerprint]);
    const ended = await decrypt({ "pgp-key": keys[name]!.secret, ...inputs });
    expect(ended.code, ended.log).toBe(1);
    for (const message of messages) expect(ended.log).toMatch(message);
    leavesNothing(ended, name);
  });

  test("gpg and its agent get no credential of the environment", async () => {
    encrypt(["--pgp", keys.ed!.fingerprint]);
    const bin = join(lab.root, "bin");
    mkdirSync(bin);
    for (const name of ["gpg", "gpgconf"]) {
      const real = execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
      writeFileSync(join(bin, name), `#!/bin/sh\nenv >>"${lab.root}/seen"\nexec ${real} "$@"\n`, { mode: 0o755 });
    }
    const credentials = {
      AWS_SECRET_ACCESS_KEY: "aws-secret-1",
      AZURE_CLIENT_SECRET: "azure-secret-1",
      SOPS_AGE_KEY: "x-1",
    };
    const env = { PATH: `${bin}:${process.env.PATH}`, ...credentials };
    const ended = await decrypt({ "pgp-key": keys.ed!.secret }, env);
    expect(ended.code, ended.log).toBe(0);
    const seen = readFileSync(join(lab.root, "seen"), "utf8");
    const names = new Set([...seen.matchAll(/^(\w+)=/gm)].map(([, name]) => name));
    expect([...names].filter((name) => !/^(PATH|HOME|GNUPGHOME|LC_ALL|PWD|OLDPWD|SHLVL|_)$/.test(name!))).toEqual([]);
    expect(names).toContain("GNUPGHOME");
  });

  test.runIf(mayUnshare)("no folder of sockets stays where there is /run/user", () => {
    encrypt(["--pgp", keys.ed!.fingerprint]);
    const action = join(actions, "sops-decrypt/main.js");
    const inputs = { FILES: "secrets.yaml", "PGP-KEY": keys.ed!.secret, FORMAT: "auto", EXPORT: "none", CASE: "keep" };
    const more = { "MISSING-KEY": "fail", "SHORT-SECRETS": "refuse", "OUTPUT-FORMAT": "same", "MIN-MASK-LENGTH": "4" };
    const last = { "MAX-FILE-SIZE": "10000", "ALLOW-PULL-REQUEST-HEAD": "false" };
    const given = Object.entries({ ...inputs, ...more, ...last }).map(([name, value]) => [`INPUT_${name}`, value]);
    const nothing = join(lab.root, "nothing");
    writeFileSync(nothing, "");
    // Not sh, which drops variables with a `-` in their name.
    const script = `mount -t tmpfs none /run && mkdir -p -m 700 /run/user/0 &&
      "$0" "$1" >&2 && find /run/user/0`;
    const listed = execFileSync(
      "unshare",
      ["--map-root-user", "--mount", "bash", "-c", script, process.execPath, action],
      {
        cwd: lab.workspace,
        encoding: "utf8",
        env: {
          PATH: process.env.PATH,
          HOME: lab.root,
          GITHUB_WORKSPACE: lab.workspace,
          RUNNER_TEMP: lab.temp,
          ...Object.fromEntries(["OUTPUT", "ENV", "STATE"].map((name) => [`GITHUB_${name}`, nothing])),
          ...Object.fromEntries(given),
        },
      },
    );
    expect(listed.trim().split("\n").toSorted()).toEqual(["/run/user/0", "/run/user/0/gnupg"]);
  });

  test("what is no private key, and a machine without gpg, are refused", async () => {
    encrypt(["--pgp", keys.ed!.fingerprint]);
    const publicHalf = gpg(["--armor", "--export", keys.ed!.fingerprint]);
    for (const key of ["no key at all", publicHalf])
      expect((await decrypt({ "pgp-key": key })).log).toContain("is no armored private key that gpg can import");
    const bare = join(lab.root, "bare");
    mkdirSync(bare);
    expect((await decrypt({ "pgp-key": keys.ed!.secret }, { PATH: bare })).log).toContain("needs `gpg`");
    expect(existsSync(join(lab.root, "home/.gnupg"))).toBe(false);
  });

  test("the user's keyring is not looked at", async () => {
    encrypt(["--pgp", keys.ed!.fingerprint]);
    const ended = await decrypt({ "pgp-key": keys.rsa!.secret }, { GNUPGHOME: home });
    expect([ended.code, ended.log]).toEqual([1, expect.stringContaining("No key that was offered opens it")]);
  });

  test("a message that would unpack to more than a key is stopped", async () => {
    encrypt(["--pgp", keys.ed!.fingerprint]);
    const bomb = gpg(
      ["--trust-model", "always", "--armor", "-r", keys.ed!.fingerprint, "--encrypt"],
      "0".repeat(50_000_000),
    );
    const file = readFileSync(join(lab.workspace, "secrets.yaml"), "utf8");
    const message = bomb.trim().replaceAll("\n", "\n            ");
    lab.write("secrets.yaml", file.replace(/-----BEGIN PGP MESSAGE-----[\s\S]*?-----END PGP MESSAGE-----/, message));
    const ended = await decrypt({ "pgp-key": keys.ed!.secret });
    expect(ended.code).toBe(1);
    expect(ended.log).toMatch(/gpg cannot read what is encrypted|not one of SOPS/);
    leavesNothing(ended, "ed");
  });

  test("a data key that is merely packed, and not encrypted, is not taken", async () => {
    encrypt(["--pgp", keys.ed!.fingerprint]);
    const packed = gpg(["--armor", "--compress-level", "0", "--store"], "0".repeat(32)).trim();
    const file = readFileSync(join(lab.workspace, "secrets.yaml"), "utf8");
    const message = packed.replaceAll("\n", "\n            ");
    lab.write("secrets.yaml", file.replace(/-----BEGIN PGP MESSAGE-----[\s\S]*?-----END PGP MESSAGE-----/, message));
    const ended = await decrypt({ "pgp-key": keys.ed!.secret });
    expect([ended.code, ended.log]).toEqual([1, expect.stringContaining("is not encrypted for a PGP key")]);
  });

  test("with age in groups, of which both are needed", async () => {
    const age = await ageKey();
    const rule = { shamir_threshold: 2, key_groups: [{ age: [age.recipient] }, { pgp: [keys.ed!.fingerprint] }] };
    lab.write(".sops.yaml", JSON.stringify({ creation_rules: [rule] }));
    encrypt([]);
    const ended = await decrypt({ "pgp-key": keys.ed!.secret, "age-key": age.identity });
    expect(ended.code, ended.log).toBe(0);
    const alone = await decrypt({ "age-key": age.identity });
    expect(alone.log).toMatch(
      /2 are needed, and 1 could be opened\. The groups name age age1\S+, PGP [0-9A-F]{40}; offered was age1/,
    );
  });

  test("killed while gpg works, the post step removes the home", async () => {
    const bare = join(lab.root, "bare");
    mkdirSync(bare);
    encrypt(["--pgp", keys.ed!.fingerprint]);
    execFileSync("bash", ["-c", `printf '#!/bin/sh\\nsleep 30\\n' >"$0/gpg"; chmod +x "$0/gpg"`, bare]);
    const { child, ended } = lab.start(
      "main",
      { files: "secrets.yaml", "pgp-key": keys.ed!.secret },
      { PATH: `${bare}:${process.env.PATH}` },
    );
    while (!readdirSync(lab.temp).some((name) => name.startsWith("goatnote-sops-gpg-")))
      await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 200));
    child.kill("SIGKILL");
    child.stdout?.destroy();
    child.stderr?.destroy();
    await ended.catch(() => {});
    await lab.post();
    expect(readdirSync(lab.temp)).toEqual([]);
  });
});
