/** The second build without network: it finds what gets around the sandbox, and takes what it is built from out of the cache. */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { nameOf, openNix, readSigningKey } from "@goatnote/nix-store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cutNetwork } from "../../actions/nix-hermetic-build/src/offline.ts";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { generations, type Lab, makeLab } from "./lab.ts";
import { type Ran, Runner, readable } from "./runner.ts";

const actions = await build();

describe.each(generations)("%s", (peer) => {
  describeWithPeer(peer, (program) => {
    let lab: Lab;
    let runner: Runner;
    let server: Server;
    let asked = 0;
    let flake: string;
    beforeAll(async () => {
      server = createServer((_, response) => {
        asked++;
        response.end("from afar\n");
      }).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const { port } = server.address() as AddressInfo;
      lab = makeLab();
      runner = await Runner.start(actions, program, lab);
      const fetch = `\${./bin}/busybox wget -q -O $out http://127.0.0.1:${port}/`;
      flake = `path:${lab.flake(
        "flake",
        `packages.\${system} = rec {
          default = make "app-1" "cat \${lib} > $out; echo app >> $out";
          lib = make "lib-1" "cat \${fixed} > $out";
          fixed = makeWith { outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = builtins.hashString "sha256" "from afar\\n"; } "fixed-1" "${fetch}";
          open = makeWith { __noChroot = true; } "open-1" "${fetch}";
          once = makeWith { __noChroot = true; } "once-1" "test ! -e ${lab.folder}/once && echo > ${lab.folder}/once && echo > $out";
          aboveOpen = make "above-1" "cat \${open} > $out";
        };`,
      )}`;
    });
    afterAll(async () => {
      server.close();
      await runner.backend.close();
      lab.remove();
    });

    const prove = (inputs: Record<string, string>, options = {}) =>
      runner.job({ flake, check: "false", "require-hermetic": "true", ...inputs }, options);
    const rebuilt = ({ outputs }: Ran) => {
      const { derivations, ...rest } = JSON.parse(readFileSync(outputs.report!, "utf8")).rebuilt;
      return { ...rest, names: derivations.map((path: string) => nameOf(path).replace(/\.drv$/, "")) };
    };

    test("a build that has all it needs gets by, with what was built on the way to it", async () => {
      const ran = await prove({});
      expect([ran.code, ran.outputs.hermetic, ran.outputs.offline], ran.log).toEqual([0, "true", "passed"]);
      expect(rebuilt(ran)).toEqual({ offline: "passed", network: "unshare --net", names: expect.any(Array) });
      expect(rebuilt(ran).names.sort()).toEqual(["app-1", "lib-1"]);
      expect(readable(ran.summary)).toContain(
        "**Offline:** the second build had no network, cut off by `unshare --net`.",
      );
    });

    test("one that goes around the sandbox to the network is found, also below the result", async () => {
      const relaxed = { env: { NIX_CONFIG: "sandbox = relaxed" } };
      for (const installables of ["aboveOpen", "open"]) {
        const before = asked;
        const { code, log, outputs, summary } = await prove({ installables }, relaxed);
        expect([code, outputs.hermetic, outputs.offline], log).toEqual([1, "false", "failed"]);
        expect(asked).toBeGreaterThan(before);
        expect(log).toMatch(/open-1\.drv needs the network: with it, it was built again, and without it fails/);
        expect(summary).toContain("second build failed without network");
      }
    });

    test("one that did not come to a second result has not shown that it needs no network", async () => {
      const { code, outputs, log, summary } = await prove(
        { installables: "once" },
        { env: { NIX_CONFIG: "sandbox = relaxed" } },
      );
      expect([code, outputs.hermetic, outputs.offline], log).toEqual([1, "false", "not-run"]);
      expect(log).toContain("once-1.drv could not be built again");
      expect(readable(summary)).toContain("**Offline:** not run: once-1.drv could not be built a second time.");
    });

    test("what a cache gave is built again from what caches have, and not from its sources", async () => {
      const secret = execFileSync(program, ["key", "generate-secret", "--key-name", "lab-1"], {
        encoding: "utf8",
        env: { ...process.env, ...lab.environment },
      }).trim();
      const keys = { "cache-public-key": readSigningKey(secret).publicKey, "cache-signing-key": secret };
      const emptyStore = (): void => {
        for (const name of ["store", "state"]) {
          execFileSync("chmod", ["-R", "u+w", join(lab.folder, name)]);
          rmSync(join(lab.folder, name), { recursive: true, force: true });
        }
      };
      emptyStore();
      const saved = await prove(keys);
      expect(saved.post, saved.log).toContain("Cache saved");
      emptyStore();
      const ran = await prove(keys);
      expect([ran.code, ran.outputs.built, ran.outputs.offline], ran.log).toEqual([0, "0", "passed"]);
      expect(rebuilt(ran).names).toEqual(["app-1"]);
      const store = execFileSync("ls", [join(lab.folder, "store")], { encoding: "utf8" });
      expect(store).toContain("-lib-1\n");
      expect(store).not.toMatch(/-fixed-1$/m);
    });

    test("where the network cannot be cut off, that is said, and is no failure", async () => {
      const path = join(lab.folder, "no-unshare");
      execFileSync("sh", [
        "-c",
        `mkdir -p ${path}; echo 'echo not permitted >&2; exit 1' > ${path}/unshare; chmod +x ${path}/unshare`,
      ]);
      const ran = await prove({}, { path });
      expect([ran.code, ran.outputs.hermetic, ran.outputs.offline], ran.log).toEqual([0, "true", "not-run"]);
      expect(readable(ran.summary)).toContain("**Offline:** not run: `unshare` failed: not permitted.");
      Object.assign(process.env, lab.environment);
      const nix = await openNix(program);
      expect(await cutNetwork(nix, { NIX_REMOTE: "ssh://builder" })).toEqual({
        notRun: "the store ssh://builder builds elsewhere",
      });
      expect(await cutNetwork(nix, { NIX_REMOTE: "daemon" })).toEqual({
        wrap: ["unshare", "--net"],
        args: ["--store", "local"],
      });
    });
  });
});
