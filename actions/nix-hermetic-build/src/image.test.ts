/** Image archives that somebody forged, so that Docker would load another image than the one whose digest is told. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkImage } from "./image.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "image-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const sha256 = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** One entry of a tar; `size` and `type` may lie. */
function entry(name: string, content: string | Buffer = "", { type = "0", link = "", size = "" } = {}): Buffer {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write("0000644", 100);
  header.write(size || bytes.length.toString(8).padStart(11, "0"), 124, 12, "latin1");
  header.write("        ", 148);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write("ustar\x0000", 257, "latin1");
  header.write(
    header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0"),
    148,
  );
  header.write("\0 ", 154, "latin1");
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
const pax = (key: string, value: string, type = "x"): Buffer => {
  const rest = ` ${key}=${value}\n`;
  const length = rest.length + String(rest.length + 2).length;
  return entry("PaxHeaders/x", `${length}${rest}`, { type });
};

const layer = "a layer";
const configOf = (command: string): string =>
  JSON.stringify({ config: { Cmd: [command] }, rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] } });
const [good, evil] = [configOf("good"), configOf("evil")];
const manifestOf = (config: string): string =>
  JSON.stringify([{ Config: `${sha256(config)}.json`, RepoTags: ["lab:1"], Layers: ["l/layer.tar"] }]);
const files = [
  entry(`${sha256(good)}.json`, good),
  entry(`${sha256(evil)}.json`, evil),
  entry("l/", "", { type: "5" }),
  entry("l/layer.tar", layer),
];
const end = Buffer.alloc(1024);

function check(...parts: Buffer[]) {
  const path = join(folder, "image.tar");
  writeFileSync(path, Buffer.concat(parts));
  return checkImage(path);
}

test.each([
  ["plain", entry("./manifest.json", manifestOf(good))],
  ["with an extended header", Buffer.concat([pax("path", "manifest.json"), entry("short", manifestOf(good))])],
  [
    "with a long name of GNU",
    Buffer.concat([entry("any", "manifest.json\0", { type: "L" }), entry("x", manifestOf(good))]),
  ],
])("a sound archive, %s, has the digest of its configuration", async (_, manifest) => {
  const facts = { digest: `sha256:${sha256(good)}`, layers: 1, size: layer.length, tags: ["lab:1"] };
  expect(await check(...files, manifest, end)).toEqual(facts);
  expect(await check(gzipSync(Buffer.concat([...files, manifest, end])))).toEqual(facts);
});

test("equal layers are stored once, and linked", async () => {
  const config = JSON.stringify({ rootfs: { diff_ids: Array(3).fill(`sha256:${sha256(layer)}`) } });
  const manifest = JSON.stringify([
    { Config: "c.json", RepoTags: null, Layers: ["l/layer.tar", "m/layer.tar", "hard"] },
  ]);
  const links = [
    entry("m/layer.tar", "", { type: "2", link: "../l/layer.tar" }),
    entry("hard", "", { type: "1", link: "l/layer.tar" }),
  ];
  expect((await check(...files, ...links, entry("c.json", config), entry("manifest.json", manifest), end)).layers).toBe(
    3,
  );
});

test("a file that is named as an extended header is a file", async () => {
  const forged = [
    entry("manifest.json", manifestOf(evil)),
    entry("PaxHeader.note", "path=manifest.json\n"),
    entry("innocent.json", manifestOf(good)),
  ];
  expect((await check(...files, ...forged, end)).digest).toBe(`sha256:${sha256(evil)}`);
});

test.each<[string, Buffer[], RegExp]>([
  ["a manifest twice", [entry("manifest.json", manifestOf(evil)), entry("./manifest.json", manifestOf(good))], /twice/],
  [
    "a manifest after the end",
    [entry("a.json"), end, entry("manifest.json", manifestOf(good))],
    /goes on after its end/,
  ],
  [
    "two images",
    [entry("manifest.json", `[${manifestOf(good).slice(1, -1)},${manifestOf(evil).slice(1, -1)}]`)],
    /one image/,
  ],
  [
    "a spelling of its own",
    [entry("manifest.json", manifestOf(good).replace("{", '{"Layerſ":[],'))],
    /unusual spelling/,
  ],
  ["two spellings", [entry("manifest.json", manifestOf(good).replace("{", '{"config":"x",'))], /unusual spelling/],
  ["a negative size", [entry("x", "", { size: "\xff".repeat(12) })], /a size in it/],
  ["a size beyond all bounds", [entry("x", "", { size: `\x80${"\xff".repeat(11)}` })], /a size in it/],
  ["a size that is no number", [entry("x", "", { size: "99999999999" })], /a size in it/],
  ["an extended size that is no number", [pax("size", "-1"), entry("x", "")], /a size in it/],
  [
    "a record in the value of another",
    [pax("comment", "\n9 path=x"), entry("x", "")],
    /^(?!.*another form).*manifest\.json is missing/,
  ],
  ["a global name", [pax("path", "manifest.json", "g"), entry("x", manifestOf(good))], /global header/],
  [
    "a file below a link",
    [entry("n", "", { type: "2", link: "l" }), entry("n/layer.tar", layer)],
    /below a file or a link/,
  ],
  ["a way out", [entry("../x", "")], /no name of a file/],
  ["a truncated file", [entry("manifest.json", manifestOf(good)).subarray(0, 600)], /ends too early/],
  ["no tar", [Buffer.alloc(512, 1)], /no tar|a size in it/],
  ["a device", [entry("x", "", { type: "3" })], /type "3"/],
])("%s is refused", async (_, forged, reason) => {
  const parts = reason.source.includes("early") ? forged : [...forged, end];
  await expect(check(...files, ...parts)).rejects.toThrow(reason);
});

test("JSON without end is refused before memory is", async () => {
  const bomb = [0, 1, 2, 3, 4].map((i) => entry(`${i}.json`, Buffer.alloc(8e6)));
  await expect(check(gzipSync(Buffer.concat([...files, ...bomb, end]), { level: 1 }))).rejects.toThrow(/too large/);
});
