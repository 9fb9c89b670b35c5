/** An image that a derivation makes: what the action says of it, and what `skopeo` reads from the same archive. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { generations, imageScript, type Lab, makeLab } from "./lab.ts";
import { type Ran, Runner, readable } from "./runner.ts";

const packages = `packages.\${system} = {
  plain = make "app.tar" ${imageScript("")};
  packed = make "app.tar.gz" ${imageScript("| $b gzip -n")};
};`;

const actions = await build();

describeWithPeer("skopeo", (skopeo) => {
  describe.each(generations)("%s", (peer) => {
    describeWithPeer(peer, (program) => {
      let lab: Lab;
      let runner: Runner;
      let flake: string;
      beforeAll(async () => {
        lab = makeLab();
        runner = await Runner.start(actions, program, lab);
        flake = `path:${lab.flake("flake", packages)}`;
      });
      afterAll(async () => {
        await runner.backend.close();
        lab.remove();
      });
      const read = (...args: string[]): string =>
        execFileSync(skopeo, ["--insecure-policy", ...args], {
          encoding: "utf8",
          env: { ...process.env, XDG_RUNTIME_DIR: lab.folder },
        });
      const imageOf = ({ outputs }: Ran) => JSON.parse(readFileSync(outputs.report!, "utf8")).image;

      test.each(["plain", "packed"])("%s has the digest, layers, size and tags that skopeo reads", async (image) => {
        const ran = await runner.job({ flake, check: "false", image, "require-hermetic": "true" });
        expect([ran.code, ran.outputs.hermetic], ran.log).toEqual([0, "true"]);
        const [path] = JSON.parse(ran.outputs["store-paths"]!) as [string];
        // Debian 12's skopeo does not read a compressed archive; a later one does.
        const bytes = readFileSync(path);
        const unpacked = join(lab.folder, `${image}.tar`);
        writeFileSync(unpacked, image === "packed" ? gunzipSync(bytes) : bytes);
        const archive = `docker-archive:${unpacked}`;
        const config = read("inspect", "--config", "--raw", archive);
        expect(ran.outputs["image-digest"]).toBe(`sha256:${createHash("sha256").update(config).digest("hex")}`);
        const { manifests: _, ...told } = JSON.parse(read("inspect", "--raw", archive));
        expect(told.config.digest).toBe(ran.outputs["image-digest"]);
        const size = told.layers.reduce((sum: number, each: { size: number }) => sum + each.size, 0);
        expect(imageOf(ran)).toMatchObject({ layers: told.layers.length, size, tags: ["lab/app:1"] });
        expect(readable(ran.summary)).toContain(`docker load --input ${path}`);
        const oci = join(lab.folder, `oci-${image}`);
        read("copy", archive, `oci:${oci}:1`);
        expect(JSON.parse(read("inspect", "--config", `oci:${oci}:1`)).config.Cmd).toEqual([
          "/bin/busybox",
          "cat",
          "/health",
        ]);
      });
    });
  });
});
