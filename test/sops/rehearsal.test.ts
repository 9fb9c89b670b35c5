/** The examples as their readers copy them, rehearsed with GitHub's semantics. */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Backend, rehearse, startBackend } from "@goatnote/rehearsal";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { Internet, startMoto } from "./cloud-lab.ts";
import { type AgeKey, ageKey } from "./lab.ts";

const staticCredentials = { AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "y" };

describeWithPeer("sops", (sops) => {
  let actions: string;
  let key: AgeKey;
  let backend: Backend;
  let folder: string;
  beforeAll(async () => {
    actions = await build();
    key = await ageKey();
  });
  beforeEach(async () => {
    backend = await startBackend({ repository: "octo/lab", defaultBranch: "main" });
    folder = mkdtempSync(join(tmpdir(), "sops-rehearsal-"));
    git("init", "--quiet", "--initial-branch=main");
    write(".sops.yaml", JSON.stringify({ creation_rules: [{ path_regex: "^secrets/.*", age: key.recipient }] }));
    write("secrets/production.yaml", "db:\n  user: deployer\n  password: correct-horse\n");
    execFileSync(sops, ["encrypt", "--in-place", "secrets/production.yaml"], { cwd: folder });
    const script = (seen: string) =>
      `#!/bin/sh\necho "user $PGUSER password $PGPASSWORD"\n[ "$PGPASSWORD" = correct-horse ] && echo '${seen}'\n`;
    for (const name of ["deploy.sh", "migrate.sh"]) write(name, script("password is right"));
    execFileSync("chmod", ["+x", "deploy.sh", "migrate.sh"], { cwd: folder });
  });
  afterEach(async () => {
    await backend.close();
    rmSync(folder, { recursive: true });
  });

  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=o", "-c", "user.email=o@example.org", ...args], {
      cwd: folder,
      encoding: "utf8",
    }).trim();
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };

  /**
   * Commits what is there, and rehearses an example; `change` is for what a reader of the page may do to it, `env` for the
   * runner's.
   */
  async function example(
    name: string,
    event: "push" | "fork",
    change = (text: string) => text,
    env: Record<string, string> = {},
  ) {
    const workflow = `.github/workflows/${name}`;
    write(workflow, change(readFileSync(join(import.meta.dirname, "../../workflows-examples", name), "utf8")));
    git("add", "--all");
    git("commit", "--quiet", "--message", "x");
    const sha = git("rev-parse", "HEAD");
    const pull = {
      number: 7,
      head: { ref: "change", sha, repo: { full_name: "stranger/lab" } },
      base: { ref: "main", sha },
    };
    const fork = event === "fork";
    const { conclusion, jobs } = await rehearse({
      workflow,
      repository: folder,
      event: fork
        ? { name: "pull_request", payload: { action: "opened", pull_request: pull } }
        : { name: "push", payload: {} },
      ref: fork ? "refs/pull/7/merge" : "refs/heads/main",
      sha,
      backend,
      actions,
      secrets: { SOPS_AGE_KEY: key.identity },
      env,
    });
    return { conclusion, log: jobs.map(({ log }) => log).join("\n"), jobs };
  }

  test.each(["sops-deploy.yml", "sops-exec.yml"])("%s", async (name) => {
    const { conclusion, log } = await example(name, "push");
    expect(conclusion, log).toBe("success");
    expect(log).toContain("password is right");
    expect(log).toContain("password ***");
    expect(log).not.toMatch(/correct-horse|AGE-SECRET/);
  });

  describeWithPeer("moto", (moto) => {
    test("sops-kms.yml", async () => {
      const { child, port } = await startMoto(moto);
      const internet = new Internet(folder, ["kms.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"]);
      try {
        await internet.start();
        internet.services[".amazonaws.com"] = () => ({ port });
        const answer = await fetch(`http://127.0.0.1:${port}/`, {
          method: "POST",
          headers: {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "TrentService.CreateKey",
            authorization:
              "AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/kms/aws4_request, SignedHeaders=host, Signature=0",
          },
          body: "{}",
        });
        const { Arn: arn } = ((await answer.json()) as { KeyMetadata: { Arn: string } }).KeyMetadata;
        write(".sops.yaml", JSON.stringify({ creation_rules: [{ path_regex: "^secrets/.*", kms: arn }] }));
        write("secrets/production.yaml", "db:\n  user: deployer\n  password: correct-horse\n");
        await promisify(execFile)(sops, ["encrypt", "--in-place", "secrets/production.yaml"], {
          cwd: folder,
          env: { PATH: process.env.PATH, HOME: folder, ...internet.environment, ...staticCredentials },
        });
        internet.seen.length = 0;
        write("migrate.sh", `${readFileSync(join(folder, "migrate.sh"), "utf8")}env | grep -c ID_TOKEN\nexit 0\n`);
        // A reader writes the number of the account.
        const account = (text: string) => text.replaceAll("111122223333", arn.split(":")[4]!);
        const { conclusion, log } = await example("sops-kms.yml", "push", account, internet.environment);
        expect(conclusion, log).toBe("success");
        expect(log).toContain("password is right");
        expect(log).toContain("password ***");
        expect(log).not.toMatch(/correct-horse|eyJ/);
        expect(log).toMatch(/^0$/m);
        expect(internet.seen.map(({ host }) => host)).toEqual([
          "sts.eu-west-1.amazonaws.com",
          "kms.eu-west-1.amazonaws.com",
        ]);
        const { WebIdentityToken: token = "", RoleArn } = Object.fromEntries(
          new URLSearchParams(internet.seen[0]!.body),
        );
        const claims = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString());
        expect([claims.aud, claims.sub]).toEqual(["sts.amazonaws.com", "repo:octo/lab:environment:production"]);
        expect(RoleArn).toBe(account("arn:aws:iam::111122223333:role/sops-ci"));

        internet.seen.length = 0;
        const other = (text: string) =>
          text.replace(/kms-allow: .*/, "kms-allow: arn:aws:kms:eu-west-1:111122223333:key/*");
        const refused = await example("sops-kms.yml", "push", other, internet.environment);
        expect([refused.conclusion, internet.seen]).toEqual(["failure", []]);
        expect(refused.log).toContain("not among the keys that are allowed");
        expect(refused.log).not.toContain("password is right");
      } finally {
        internet.stop();
        child.kill();
      }
    });
  });

  test("a deploy that fails is cleaned up after", async () => {
    write("deploy.sh", "#!/bin/sh\nexit 3\n");
    const { conclusion, log } = await example("sops-deploy.yml", "push");
    expect(conclusion).toBe("failure");
    expect(log).toContain("Blanked 2 variables");
  });

  test("sops-lint.yml, on a pull request from a fork", async () => {
    expect((await example("sops-lint.yml", "fork")).conclusion).toBe("success");
    write("secrets/new.yaml", "password: hunter2\n");
    const { conclusion, log } = await example("sops-lint.yml", "fork");
    expect(conclusion).toBe("failure");
    expect(log).toContain("S1");
  });

  test("without the key a fork passes where that is allowed, with one notice", async () => {
    const { conclusion, jobs } = await example("sops-exec.yml", "fork", (text) =>
      text
        .replace(/ {2}push:\n.*\n/, "  pull_request:\n")
        .replace("          run:", "          missing-key: skip\n          run:"),
    );
    expect(conclusion).toBe("success");
    expect(jobs.flatMap(({ annotations }) => annotations.map(({ kind }) => kind))).toEqual(["notice"]);
  });
});
