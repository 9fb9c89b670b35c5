/** What may leave the action, under which names and to which places; and when it does not decrypt at all. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { armor, Encrypter } from "age-encryption";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
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

  const main = (content: object | string, inputs: Record<string, string>, env: Record<string, string> = {}) => {
    lab.encrypt("s.json", typeof content === "string" ? content : JSON.stringify(content), key.recipient);
    return lab.main({ files: "s.json", "age-key": key.identity, ...inputs }, env);
  };

  describe("names", () => {
    test("follow from paths, in the letters that were asked for, after the prefix", async () => {
      const ended = await main(
        { db: { "user-name": "deployer", hosts: ["db-1.example", "db-2.example"] } },
        { export: "env", prefix: "APP_", case: "upper" },
      );
      expect(ended.code, ended.log).toBe(0);
      expect(lab.variables).toEqual({
        APP_DB_USER_NAME: "deployer",
        APP_DB_HOSTS_0: "db-1.example",
        APP_DB_HOSTS_1: "db-2.example",
      });
    });

    test.each<[string, object, Record<string, string>, string]>([
      ["two values with one name", { "a-b": "first-value", a_b: "second-value" }, {}, "would both get the name a_b"],
      ["a line break", { "A\nPATH=/tmp\nB": "first-value" }, {}, "which is not allowed"],
      ["an equals sign", { "A=B": "first-value" }, {}, "which is not allowed"],
      ["a heredoc", { "A<<EOF": "first-value" }, {}, "which is not allowed"],
      ["nothing", { "": "first-value" }, {}, "which is not allowed"],
      ...[
        "LD_PRELOAD",
        "PATH",
        "Path",
        "NODE_OPTIONS",
        "BASH_ENV",
        "PYTHONSTARTUP",
        "GIT_SSH_COMMAND",
        "GITHUB_TOKEN",
        "https_proxy",
        "JAVA_TOOL_OPTIONS",
        "BASH_FUNC_ls",
        "npm_config_registry",
        "SSL_CERT_FILE",
        "IFS",
        "GOFLAGS",
      ].map((name): [string, object, Record<string, string>, string] => [
        name,
        { [name]: "some-value" },
        {},
        "can change how programs run",
      ]),
      ["a variable that is set", { SET_ALREADY: "some-value" }, {}, "is set already"],
    ])("are refused: %s", async (_, content, inputs, message) => {
      const ended = await main(content, { export: "env", ...inputs }, { SET_ALREADY: "x" });
      expect([ended.code, lab.variables]).toEqual([1, {}]);
      expect(ended.log).toContain(message);
    });

    test("that are listed may be set all the same", async () => {
      expect((await main({ NODE_OPTIONS: "--no-warnings" }, { export: "env", "allow-env": "NODE_OPTIONS" })).code).toBe(
        0,
      );
      expect(lab.variables).toEqual({ NODE_OPTIONS: "--no-warnings" });
    });

    test("of credentials may be set, also where a tool's other variables may not", async () => {
      const content = {
        NODE_AUTH_TOKEN: "token-value",
        SSH_PRIVATE_KEY: "key-value",
        CARGO_REGISTRY_TOKEN: "cargo-value",
      };
      expect((await main(content, { export: "env" })).code).toBe(0);
      expect(lab.variables).toEqual(content);
    });

    test("of outputs do not hide the action's own", async () => {
      expect((await main({ decrypted: "false-value" }, { export: "outputs" })).log).toContain("own output `decrypted`");
    });
  });

  test("values of several lines, with marks of heredocs, come through whole", async () => {
    const value = "first\nEOF\nghadelimiter_\nX<<EOF\n  last: 'line'\n";
    expect((await main({ KEY: value }, { export: "env" })).code).toBe(0);
    expect(lab.variables).toEqual({ KEY: value });
  });

  test("a value with NUL is refused as a variable", async () => {
    expect((await main({ KEY: "some\u0000value" }, { export: "env" })).log).toContain("holds a NUL character");
  });

  describe("short secrets", () => {
    const content = { pin: "123", enabled: true, empty: "", port_unencrypted: 22 };
    test("are refused, and named", async () => {
      const ended = await main(content, { export: "env" });
      expect([ended.code, lab.variables]).toEqual([1, {}]);
      expect(ended.log).toContain(
        "A value is too short to be masked (fewer than 4 characters), as masking would make the log unreadable: pin.",
      );
    });
    test.each<Record<string, string>>([
      { "short-secrets": "allow" },
      { "short-secrets": "warn" },
      { "no-mask": "pin" },
      { "no-mask": "*" },
    ])("unless %j", async (inputs) => {
      const ended = await main(content, { export: "env", ...inputs });
      expect(ended.code, ended.log).toBe(0);
      expect(lab.variables).toEqual({ pin: "123", enabled: "true", empty: "", port_unencrypted: "22" });
      expect(ended.masks).not.toContain("123");
      expect(ended.log.includes("::warning::")).toBe(inputs["short-secrets"] === "warn");
    });
  });

  test("short secrets in a whole file are refused too", async () => {
    const ended = await main({ pin: "123" }, { export: "file" });
    expect([ended.code, lab.outputs.file]).toEqual([1, undefined]);
    expect(ended.log).toContain("too short to be masked (fewer than 4 characters)");
    expect((await main({ pin: "123" }, { export: "file", "short-secrets": "allow" })).code).toBe(0);
  });

  test.each<Record<string, string>>([{ prefix: "A_" }, { case: "upper" }])(
    "a whole file keeps its names: %j is refused",
    async (inputs) => {
      const ended = await main({ a: "some-value" }, { export: "file", ...inputs });
      expect(ended.code).toBe(1);
      expect(ended.log).toContain("a whole file keeps its names");
    },
  );

  test("a value that a merge leaves out is masked too", async () => {
    const yaml = "child:\n  <<:\n    a: left-out-value\n  a: own-value\n";
    lab.encrypt("s.yaml", yaml, key.recipient);
    const ended = await lab.main({ files: "s.yaml", "age-key": key.identity, export: "env" });
    expect(ended.code, ended.log).toBe(0);
    expect(ended.masks).toEqual(expect.arrayContaining(["left-out-value", "own-value"]));
    expect(lab.variables).toEqual({ child_a: "own-value" });
  });

  test("the identity that a passphrase protects is masked", async () => {
    const encrypter = new Encrypter();
    encrypter.setPassphrase("open sesame");
    encrypter.setScryptWorkFactor(10);
    const protectedKey = armor.encode(await encrypter.encrypt(`${key.identity}\n`));
    const ended = await main({ a: "some-value" }, { "age-key": protectedKey, "age-key-passphrase": "open sesame" });
    expect(ended.code, ended.log).toBe(0);
    expect(ended.masks).toContain(key.identity);
  });

  test("`<<` is a key like any other in JSON", async () => {
    const ended = await main({ "<<": { a: "first-value" }, b: "other-value" }, { keys: '"<<".a as A', export: "env" });
    expect(ended.code, ended.log).toBe(0);
    expect(lab.variables).toEqual({ A: "first-value" });
  });

  test("what SOPS left plain, and what is no secret, is not masked", async () => {
    const ended = await main(
      { host: "db.example", user_unencrypted: "deployer", password: "correct-horse" },
      { "no-mask": "host" },
    );
    expect(ended.masks).toContain("correct-horse");
    expect(ended.masks).not.toContain("db.example");
    expect(ended.masks).not.toContain("deployer");
  });

  describe("a file", () => {
    const place = (file: string) => main({ a: "some-value" }, { export: "file", "output-file": file });
    test("may be where git ignores it, and holds the same values as sops prints", async () => {
      lab.write(".gitignore", "out.json\n");
      expect((await place("out.json")).code).toBe(0);
      const printed = execFileSync(sops, ["decrypt", "s.json"], {
        cwd: lab.workspace,
        env: { PATH: process.env.PATH, SOPS_AGE_KEY: key.identity },
      });
      expect(JSON.parse(readFileSync(join(lab.workspace, "out.json"), "utf8"))).toEqual(JSON.parse(printed.toString()));
      await lab.post();
      expect(existsSync(join(lab.workspace, "out.json"))).toBe(false);
    });

    test.each<[string, string, () => void]>([
      ["git does not ignore", "out.json", () => {}],
      [
        "is there already",
        "out.json",
        () => {
          lab.write(".gitignore", "out.json\n");
          lab.write("out.json", "mine");
        },
      ],
      [
        "is there already",
        "out.json",
        () => {
          lab.write(".gitignore", "out.json\n");
          symlinkSync("/tmp/elsewhere", join(lab.workspace, "out.json"));
        },
      ],
      ["neither below", "../out.json", () => {}],
      ["neither below", "/etc/out.json", () => {}],
      ["neither below", "link/out.json", () => symlinkSync("/etc", join(lab.workspace, "link"))],
      ["of git itself", ".git/out.json", () => {}],
      ["there is no folder", "no/such/out.json", () => {}],
    ])("%s: %s", async (message, file, prepare) => {
      prepare();
      const ended = await place(file);
      expect(ended.code).toBe(1);
      expect(ended.log).toContain(message);
      await lab.post();
      if (existsSync(join(lab.workspace, "out.json")))
        expect(readFileSync(join(lab.workspace, "out.json"), "utf8")).toBe("mine");
    });

    test("of bytes is given back byte for byte", async () => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      lab.encrypt("s.bin", bytes, key.recipient);
      expect((await lab.main({ files: "s.bin", "age-key": key.identity, export: "file" })).code).toBe(0);
      expect(readFileSync(lab.outputs.file ?? "")).toEqual(bytes);
    });

    test("in the form of dotenv gives a shell, and Node, what went in", async () => {
      const values = {
        A: "plain",
        B: "with space # and 'quote'",
        C: "two\nlines",
        D: 'dollar $HOME `x` "q" \\ back',
        E: "it's",
      };
      await main(values, { export: "file", "output-format": "dotenv" });
      const names = Object.keys(values);
      const script = `set -a; . "$1"; exec "$2" -e 'console.log(JSON.stringify(process.env))'`;
      const env = JSON.parse(
        execFileSync("bash", ["-c", script, "-", lab.outputs.file ?? "", process.execPath], {
          env: { PATH: process.env.PATH },
          encoding: "utf8",
        }),
      );
      // In double quotes a shell keeps \n as it is; Node and most readers of dotenv files make it a line break.
      expect(Object.fromEntries(names.map((name) => [name, env[name]]))).toEqual({ ...values, C: "two\\nlines" });
    });
  });

  describe("without a key", () => {
    const start = (inputs: Record<string, string>, env: Record<string, string> = {}) => {
      lab.encrypt("s.json", '{"a":"some-value"}', key.recipient);
      return lab.main({ files: "s.json", export: "env", ...inputs }, env);
    };
    test("it fails, and says why", async () => {
      const ended = await start({});
      expect([ended.code, ended.log.match(/::error::/g)?.length]).toEqual([1, 1]);
      expect(ended.log).toContain("No key was given: `age-key`, `age-key-file` and `pgp-key` are empty");
    });
    test("it passes with one notice where that is allowed", async () => {
      const ended = await start(
        { "missing-key": "skip", "age-key-file": "no-such-file" },
        { GITHUB_EVENT_NAME: "pull_request" },
      );
      expect([ended.code, lab.outputs, lab.variables]).toEqual([0, { decrypted: "false", keys: "", file: "" }, {}]);
      expect(ended.log.match(/::notice::/g)).toHaveLength(1);
      expect(ended.log).toContain("pull requests from forks");
    });
    test("a key that does not fit fails all the same, and the message names both public halves", async () => {
      const other = await ageKey();
      const ended = await start({ "age-key": other.identity, "missing-key": "skip" });
      expect(ended.code).toBe(1);
      expect(ended.log).toContain(`It is encrypted for age ${key.recipient}; offered was ${other.recipient}.`);
    });
    test("Shamir needs 2, has 1", async () => {
      const other = await ageKey();
      const config = lab.write(
        "c.yaml",
        JSON.stringify({ creation_rules: [{ key_groups: [{ age: [key.recipient] }, { age: [other.recipient] }] }] }),
      );
      lab.write("s.json", '{"a":"some-value"}');
      execFileSync(sops, ["--config", config, "encrypt", "--in-place", "s.json"], { cwd: lab.workspace });
      const ended = await lab.main({ files: "s.json", "age-key": key.identity });
      expect(ended.log).toContain("shared among 2 key groups, of which 2 are needed, and 1 could be opened");
    });
    test("a file for a cloud's keys says which kind it wants", async () => {
      const text = lab.encrypt("s.json", '{"a":"some-value"}', key.recipient).toString();
      lab.write(
        "s.json",
        text
          .replace('"age"', '"kms"')
          .replace('"recipient"', '"arn"')
          .replace(/(?<="arn": ?")age1\w+/, "arn:aws:kms:eu-west-1:1:key/x"),
      );
      const ended = await lab.main({ files: "s.json", "age-key": key.identity });
      expect(ended.log).toContain("It is encrypted for AWS KMS arn:aws:kms:eu-west-1:1:key/x");
      expect(ended.log).toContain("Keys of services are asked only when `kms-allow` lists them.");
    });
  });

  describe("pull requests with the repository's secrets", () => {
    const commit = (): string => {
      lab.git("add", "--all");
      lab.git("commit", "--quiet", "--message", "x");
      return lab.git("rev-parse", "HEAD");
    };
    test.each(["pull_request_target", "workflow_run", "issue_comment", "issues", "discussion_comment", "check_suite"])(
      "%s: what is checked out must be the repository's own commit",
      async (event) => {
        lab.encrypt("s.json", '{"a":"some-value"}', key.recipient);
        const base = commit();
        const start = (inputs: Record<string, string> = {}) =>
          lab.main(
            { files: "s.json", "age-key": key.identity, ...inputs },
            { GITHUB_EVENT_NAME: event, GITHUB_SHA: base },
          );
        expect((await start()).code).toBe(0);
        lab.write("Makefile", "steal:\n");
        commit();
        const refused = await start();
        expect([refused.code, refused.masks]).toEqual([1, [key.identity, key.identity]]);
        expect(refused.log).toContain("Code of a stranger could read what is decrypted");
        expect((await start({ "allow-pull-request-head": "true" })).code).toBe(0);
        const ended = await lab.exec(
          { files: "s.json", "age-key": key.identity, run: "echo script-started" },
          { GITHUB_EVENT_NAME: event, GITHUB_SHA: base },
        );
        expect([ended.code, ended.log.includes("script-started")]).toEqual([1, false]);
      },
    );
    describe("with the event's commit checked out", () => {
      let sha: string;
      const start = (files = "s.json") =>
        lab.main({ files, "age-key": key.identity }, { GITHUB_EVENT_NAME: "pull_request_target", GITHUB_SHA: sha });
      beforeEach(() => {
        lab.encrypt("s.json", '{"a":"some-value"}', key.recipient);
        sha = commit();
      });
      const clone = (): void => {
        execFileSync("git", ["clone", "--quiet", lab.workspace, join(lab.workspace, "pr")]);
      };
      test("a file of the pull request's tree is refused", async () => {
        lab.encrypt("s.json", '{"a":"other-value"}', key.recipient);
        const ended = await start();
        expect([ended.code, ended.masks.includes("other-value")]).toEqual([1, false]);
        expect(ended.log).toContain("it is not tracked there, or was changed since");
      });
      test("a file that is not tracked is refused, also as a link to one that is", async () => {
        symlinkSync("s.json", join(lab.workspace, "link.json"));
        expect((await start("link.json")).log).toContain("it is not tracked there");
      });
      test("a file with CRLF, as git writes it on Windows, is the same", async () => {
        lab.write("s.json", readFileSync(join(lab.workspace, "s.json"), "utf8").replaceAll("\n", "\r\n"));
        expect((await start()).code).toBe(0);
      });
      test("a checkout below it at another commit is refused, one at the same is not", async () => {
        clone();
        expect((await start()).code).toBe(0);
        const identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
        const pr = ["-C", join(lab.workspace, "pr")];
        execFileSync("git", [...pr, ...identity, "commit", "--quiet", "--allow-empty", "-m", "x"]);
        const ended = await start();
        expect(ended.code).toBe(1);
        expect(ended.log).toContain("pr is not of the commit");
      });
      test("a submodule at the commit that the repository says is its own", async () => {
        clone();
        const identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
        const pr = ["-C", join(lab.workspace, "pr")];
        execFileSync("git", [...pr, ...identity, "commit", "--quiet", "--allow-empty", "-m", "x"]);
        sha = commit();
        const ended = await start();
        expect(ended.code, ended.log).toBe(0);
      });
    });
    test("a checkout beside the workspace's own is seen too", async () => {
      lab.encrypt("s.json", '{"a":"some-value"}', key.recipient);
      const base = commit();
      mkdirSync(join(lab.workspace, "pr"));
      execFileSync("git", ["clone", "--quiet", lab.workspace, join(lab.workspace, "pr/head")]);
      writeFileSync(join(lab.workspace, "pr/head/x"), "");
      execFileSync("git", [
        "-C",
        join(lab.workspace, "pr/head"),
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "x",
      ]);
      const ended = await lab.main(
        { files: "pr/head/s.json", "age-key": key.identity },
        { GITHUB_EVENT_NAME: "pull_request_target", GITHUB_SHA: base },
      );
      expect(ended.code).toBe(1);
    });
  });

  test.each([
    ["a pipe", "mkfifo", "p.json"],
    ["a folder", "mkdir", "p.json"],
  ])("%s is no file, and is not waited for", async (_, program, path) => {
    execFileSync(program, [path], { cwd: lab.workspace });
    const ended = await lab.main({ files: path, "age-key": key.identity });
    expect(ended.log).toContain("p.json is not decrypted. It is no regular file.");
  });

  test("contradictory inputs are an error that names them", async () => {
    const ended = await main({ a: "some-value" }, { "output-file": "x", "allow-env": "X", keys: "a" });
    expect(ended.log).toContain("`output-file` needs `export: file`");
    expect(ended.log).toContain("`allow-env` needs `export: env`");
  });

  test("SIGPIPE ends programs of a script as in any run step", async () => {
    lab.encrypt("s.json", '{"a":"some-value"}', key.recipient);
    const ended = await lab.exec({
      files: "s.json",
      "age-key": key.identity,
      run: 'set +e +o pipefail\nyes | head -1 >/dev/null\necho "status ${PIPESTATUS[0]}"',
    });
    expect(ended.log).toContain("status 141");
  });
});
