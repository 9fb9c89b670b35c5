/** The examples as their readers copy them, rehearsed with GitHub's semantics. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Backend, rehearse, startBackend } from "@goatnote/rehearsal";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { type AgeKey, ageKey } from "./lab.ts";

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

  /** Commits what is there, and rehearses an example; `change` is for what a reader of the page may do to it. */
  async function example(name: string, event: "push" | "fork", change = (text: string) => text) {
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
