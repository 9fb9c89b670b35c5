/** The whole action where a daemon builds, and where the user is not root: the same outputs as root's own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { readSigningKey } from "@goatnote/nix-store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { generations, type Lab, makeLab } from "./lab.ts";
import { asUser, type Ran, Runner, readable } from "./runner.ts";

const packages = `packages.\${system} = rec {
  lib = make "lib-1.0" "mkdir $out; echo hello > $out/data";
  default = make "app-2.0" "echo \${lib} > $out";
};
checks.\${system}.good = make "good-check" "echo checked > $out";`;

const nobody = 65534;
const actions = await build();
/** What must be the same whoever builds. */
const same = ({ outputs }: Ran) =>
  Object.fromEntries(
    ["store-paths", "drv-paths", "nar-hash", "closure-digest", "closure-size", "built", "hermetic"].map((name) => [
      name,
      outputs[name],
    ]),
  );

/** Whether a process has a folder in its variables. */
function isUsed(folder: string): boolean {
  return readdirSync("/proc").some((id) => {
    try {
      return /^\d+$/.test(id) && readFileSync(join("/proc", id, "environ"), "latin1").includes(folder);
    } catch {
      return false; // it has ended, or is another user's
    }
  });
}

describe.each(generations)("%s", (peer) => {
  describeWithPeer(peer, (program) => {
    let lab: Lab;
    let runner: Runner;
    let flake: string;
    let daemon: ChildProcess | undefined;
    let alone: Ran;
    let keys: Record<string, string>;
    const asked = { "require-hermetic": "true", sbom: "runtime" };

    /** A new machine: nothing in its store, and perhaps a daemon. */
    async function machine({ trusted }: { trusted?: string } = {}): Promise<Record<string, string>> {
      daemon?.kill();
      // The daemon has a process for each client, which outlives it for a moment, and would note in the new store what is in the old.
      for (let tries = 0; tries < 300 && isUsed(lab.folder); tries++) await setTimeout(100);
      for (const name of ["store", "state", "socket"]) {
        if (existsSync(join(lab.folder, name))) execFileSync("chmod", ["-R", "u+w", join(lab.folder, name)]);
        rmSync(join(lab.folder, name), { recursive: true, force: true });
      }
      if (trusted === undefined) return {};
      const conf = join(lab.folder, "daemon-conf");
      rmSync(conf, { recursive: true, force: true });
      mkdirSync(conf);
      execFileSync("cp", [join(lab.folder, "conf/nix.conf"), conf]);
      appendFileSync(join(conf, "nix.conf"), `trusted-users = ${trusted}\n`);
      const socket = join(lab.folder, "socket/socket");
      mkdirSync(join(lab.folder, "socket"));
      daemon = spawn(program, ["daemon", "--extra-experimental-features", "nix-command"], {
        env: { ...process.env, ...lab.environment, NIX_CONF_DIR: conf, NIX_DAEMON_SOCKET_PATH: socket },
        stdio: "ignore",
      });
      for (let tries = 0; tries < 300 && !existsSync(socket); tries++) await setTimeout(100);
      return { NIX_REMOTE: "daemon", NIX_DAEMON_SOCKET_PATH: socket };
    }

    beforeAll(async () => {
      lab = makeLab();
      chmodSync(lab.folder, 0o755);
      runner = await Runner.start(actions, program, lab);
      flake = `path:${lab.flake("flake", packages)}`;
      const secret = execFileSync(program, ["key", "generate-secret", "--key-name", "lab-1"], {
        encoding: "utf8",
        env: { ...process.env, ...lab.environment },
      }).trim();
      keys = { "cache-public-key": readSigningKey(secret).publicKey, "cache-signing-key": secret };
      alone = await runner.job({ flake, ...asked });
      expect([alone.code, alone.outputs.hermetic, alone.outputs.built], alone.log).toEqual([0, "true", "3"]);
    });
    afterAll(async () => {
      daemon?.kill();
      await runner.backend.close();
      lab.remove();
    });

    test("root asks a daemon; the second build is still without network", async () => {
      const env = await machine({ trusted: "root" });
      const ran = await runner.job({ flake, ...asked }, { env });
      expect([ran.code, ran.outputs.offline], ran.log).toEqual([0, "passed"]);
      expect(same(ran)).toEqual(same(alone));
    });

    test("a trusted user asks a daemon, saves what it built, and a new machine takes it from the cache", async () => {
      const first = await runner.job(
        { flake, ...asked, ...keys },
        { env: await machine({ trusted: "root nobody" }), user: nobody },
      );
      expect(first.code, first.log).toBe(0);
      expect(same(first)).toEqual(same(alone));
      expect(first.post).toContain("Cache saved");
      expect(first.outputs.offline).toBe("not-run");
      expect(readable(first.summary)).toMatch(/\*\*Offline:\*\* not run: `sudo` failed/);
      const second = await runner.job(
        { flake, ...asked, ...keys },
        { env: await machine({ trusted: "root nobody" }), user: nobody },
      );
      expect([second.code, second.outputs.built], second.log).toEqual([0, "0"]);
      expect(Number(second.outputs.restored)).toBeGreaterThan(0);
      expect(second.outputs["closure-digest"]).toBe(alone.outputs["closure-digest"]);
    });

    describeWithPeer("sudo", () => {
      test("a user who may use sudo cuts off the network by it", async () => {
        const env = await machine({ trusted: "root" });
        const ran = await runner.job({ flake, ...asked }, { env, user: nobody, sudo: true });
        expect([ran.code, ran.outputs.offline], ran.log).toEqual([0, "passed"]);
        expect(readable(ran.summary)).toContain("cut off by `sudo --non-interactive unshare --net`");
        expect(same(ran)).toEqual(same(alone));
      });
    });

    test("a user whom the daemon does not trust builds all of it, to the same", async () => {
      const env = await machine({ trusted: "root" });
      const ran = await runner.job({ flake, ...asked, ...keys }, { env, user: nobody });
      expect([ran.code, ran.outputs.restored], ran.log).toEqual([0, "0"]);
      expect(same(ran)).toEqual(same(alone));
    });

    test("a daemon without a sandbox is seen through, whatever the client's settings say", async () => {
      const env = await machine({ trusted: "root" });
      daemon?.kill();
      rmSync(join(lab.folder, "socket/socket"), { force: true });
      daemon = spawn(
        program,
        ["daemon", "--extra-experimental-features", "nix-command", "--option", "sandbox", "false"],
        {
          env: { ...process.env, ...lab.environment, NIX_DAEMON_SOCKET_PATH: env.NIX_DAEMON_SOCKET_PATH },
          stdio: "ignore",
        },
      );
      while (!existsSync(env.NIX_DAEMON_SOCKET_PATH!)) await setTimeout(100);
      const ran = await runner.job({ flake, check: "false" }, { env, user: nobody });
      expect([ran.code, ran.outputs.hermetic], ran.log).toEqual([0, "false"]);
      expect(ran.summary).toContain("A build sees the files of this machine");
    });

    test("a user with a store of its own builds the same, in a sandbox and without network", async () => {
      await machine();
      for (const name of ["store", "state", "log", "cache"]) mkdirSync(join(lab.folder, name), { recursive: true });
      execFileSync("chown", [
        "-R",
        String(nobody),
        ...["store", "state", "log", "cache"].map((name) => join(lab.folder, name)),
      ]);
      const ran = await runner.job({ flake, ...asked }, { user: nobody });
      // A namespace takes away the leave to read a peer in root's home, without which Nix cannot be started there.
      const reads = asUser(nobody, program).every((word) => !word.startsWith("--ambient-caps"));
      expect([ran.code, ran.outputs.offline], ran.log).toEqual([0, reads ? "passed" : "not-run"]);
      if (reads) expect(readable(ran.summary)).toContain("cut off by `unshare --user --map-current-user --net`");
      expect(same(ran)).toEqual(same(alone));
    });
  });
});
