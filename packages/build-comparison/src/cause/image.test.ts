/** Container images in archives: what differs is named where it is, and hostile ones end nowhere else. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Budget } from "../formats/container.ts";
import { sampleScene, tar } from "../samples.ts";
import { explain, type Finding } from "./explain.ts";
import { normalisersFor } from "./normalise.ts";

const explained = (a: Buffer, b: Buffer, budget = new Budget()): Promise<Finding[]> =>
  explain(a, b, ["out"], { scene: sampleScene, normalisers: normalisersFor(sampleScene), budget });
const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");

interface Image {
  layers: Buffer[];
  created?: string;
  annotations?: Record<string, string>;
}

/** An OCI layout in a tar, its blobs sorted by name as most tools do. */
function layout({ layers, created = "1970-01-01T00:00:00Z", annotations = {} }: Image): Buffer {
  const blobs = new Map<string, Buffer>();
  const add = (content: Buffer | string) => {
    const bytes = Buffer.from(content);
    blobs.set(`blobs/sha256/${sha256(bytes)}`, bytes);
    return { digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const config = add(JSON.stringify({ created, history: [{ created }, { created }] }));
  const manifest = add(
    JSON.stringify({ schemaVersion: 2, config, layers: layers.map((layer) => add(layer)), annotations }),
  );
  const files = [
    ...[...blobs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, content]) => ({ name, content })),
    { name: "index.json", content: JSON.stringify({ manifests: [manifest] }) },
    { name: "oci-layout", content: '{"imageLayoutVersion":"1.0.0"}' },
  ];
  return tar(files);
}
const layer = (content: string, mtime = 0): Buffer => gzipSync(tar([{ name: "app", content, mtime }]));
const told = (findings: Finding[]): [string, string, string][] =>
  findings.filter(({ derived }) => !derived).map(({ place, what, causes }) => [place.join("/"), what, causes.join()]);

describe("of two images it is told", () => {
  test("that one was made at another time, in each place that says so", async () => {
    const found = await explained(
      layout({ layers: [layer("a")], created: "2023-11-14T22:13:30Z" }),
      layout({ layers: [layer("a")], created: "2024-12-17T01:46:51Z" }),
    );
    expect(told(found)).toEqual([
      ["out/image config", "created", "timestamp"],
      ["out/image config", "history[].created", "timestamp"],
    ]);
    expect(found.find(({ what }) => what === "history[].created")?.count).toBe(2);
    expect(found.filter(({ derived }) => derived).map(({ what }) => what)).toEqual(
      expect.arrayContaining(["manifests[].digest", "config.digest"]),
    );
  });

  test("what a layer stores of its files, and which layer", async () => {
    const shared = layer("shared");
    const found = await explained(
      layout({ layers: [shared, layer("a", 5)] }),
      layout({ layers: [shared, layer("a", 7)] }),
    );
    expect(told(found)).toEqual([["out/image layer 2", "mtime", "mtime"]]);
  });

  test("that layers are in another order", async () => {
    const [x, y] = [layer("x"), layer("y")];
    expect(told(await explained(layout({ layers: [x, y] }), layout({ layers: [y, x] })))).toEqual([
      ["out/image manifest", "layers", "order"],
    ]);
  });

  test("that one has a layer more", async () => {
    const found = told(await explained(layout({ layers: [layer("x")] }), layout({ layers: [layer("x"), layer("y")] })));
    expect(found).toContainEqual(["out/image manifest", "layers", "missing"]);
    expect(found).toContainEqual(["out", "members only in the second", "missing"]);
  });

  test("which annotation differs", async () => {
    const on = (host: string): Buffer => layout({ layers: [], annotations: { "built-on": host } });
    expect(told(await explained(on("runner-7"), on("second-build")))).toEqual([
      ["out/image manifest", "annotations.built-on", "hostname"],
    ]);
  });

  test("that the archive around it lists its files in another order", async () => {
    const files = [
      { name: "oci-layout", content: "{}" },
      { name: "index.json", content: '{"manifests":[]}' },
    ];
    expect(told(await explained(tar(files), tar(files.toReversed())))).toEqual([["out", "order", "order"]]);
  });
});

describe("images of strangers", () => {
  const hostile = (index: string, more: { name: string; content: string }[] = []): Buffer =>
    tar([{ name: "oci-layout", content: "{}" }, { name: "index.json", content: index }, ...more]);
  const digest = "a".repeat(64);
  const self = (word: string): string => JSON.stringify({ word, manifests: [{ digest: `sha256:${digest}` }] });

  test("an index that leads to itself ends", async () => {
    const loop = (word: string): Buffer =>
      hostile(self(word), [{ name: `blobs/sha256/${digest}`, content: self(word) }]);
    expect(told(await explained(loop("runner-7"), loop("second-build")))).toContainEqual([
      "out/index.json",
      "word",
      "hostname",
    ]);
  });

  test("a digest that leads out of the layout is only a text", async () => {
    const out = (word: string): Buffer =>
      hostile(JSON.stringify({ word, manifests: [{ digest: "sha256:../../../../etc/passwd" }] }));
    expect(told(await explained(out("runner-7"), out("second-build")))).toEqual([
      ["out/index.json", "word", "hostname"],
    ]);
  });

  test("values nested without end, and lists without end", async () => {
    const deep = (core: string): Buffer => hostile(`{"a":${"[".repeat(100_000)}${core}${"]".repeat(100_000)}}`);
    expect((await explained(deep("1"), deep("2"))).length).toBeGreaterThan(0);
    const long = (last: string): Buffer =>
      hostile(`{"manifests":[${'{"digest":"sha256:00"},'.repeat(100_000)}{"digest":"${last}"}]}`);
    const found = await explained(long("1"), long("2"), new Budget(1e9, 1000));
    expect(found.map(({ what }) => what).join()).toContain("too many members");
  });

  test.each(["{", "null", "[]", '{"manifests":7}', '{"manifests":[null,1,{"digest":[]}],"layers":{},"config":3}'])(
    "an index that is %s",
    async (index) => {
      expect((await explained(hostile(index), hostile(`${index} `))).length).toBeGreaterThan(0);
    },
  );
});
