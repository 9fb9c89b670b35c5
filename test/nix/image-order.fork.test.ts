/** The image is found among the results, wherever it stands and under whatever name it is asked for. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { generations, makeLab } from "./lab.ts";
import { Runner } from "./runner.ts";

const layer = Buffer.alloc(1024);
const sha256 = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex");
const config = JSON.stringify({ rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] } });
const name = `${sha256(config)}.json`;
const packages = `packages.\${system} = rec {
  other = make "other" "echo other > $out";
  same = image;
  image = make "image.tar" "cd \${./bin}; ./busybox tar -cf $out manifest.json ${name} layer.tar";
};`;
const files = {
  "bin/layer.tar": layer.toString("latin1"),
  "bin/manifest.json": JSON.stringify([{ Config: name, RepoTags: ["lab:1"], Layers: ["layer.tar"] }]),
  [`bin/${name}`]: config,
};

const actions = await build();

for (const peer of generations)
  describeWithPeer(peer, (program) => {
    test.each(["image\nother", "same\nother", "other\n.#image\nsame", "other"])(
      "%j builds other things and the image",
      async (installables) => {
        const lab = makeLab();
        const runner = await Runner.start(actions, program, lab);
        try {
          const flake = `path:${lab.flake("flake", packages, files)}`;
          const { code, log, outputs } = await runner.job({ flake, check: "false", installables, image: "image" });
          expect(code, log).toBe(0);
          expect(outputs["image-digest"]).toBe(`sha256:${sha256(config)}`);
        } finally {
          await runner.backend.close();
          lab.remove();
        }
      },
      120_000,
    );
  });
