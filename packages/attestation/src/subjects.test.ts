import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { parseDigest } from "./digest.ts";
import { forgeLayout } from "./forge-layout.ts";
import { chunks, distinct, hashFiles, parseArtifactsList, parseChecksums } from "./subjects.ts";

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));

/** As `sha256sum` writes a line. */
function line(digest: string, name: string, mark: string): string {
  const escaped = name.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `${escaped === name ? "" : "\\"}${digest}${mark}${escaped}\n`;
}

test("checksums come back as they were written, whatever the names", () => {
  const name = fc.string({ minLength: 1, unit: "binary" }).filter((text) => text.isWellFormed() && !/^ ?$/.test(text));
  const entry = fc.tuple(fc.oneof(hex(64), hex(96), hex(128)), name, fc.constantFrom("  ", " *"));
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1 }), (entries) => {
      const text = entries.map((each) => line(...each)).join("");
      expect(parseChecksums(text, "SUMS")).toEqual(
        entries.map(([digest, name]) => ({
          name,
          digest: {
            [({ 64: "sha256", 96: "sha384", 128: "sha512" } as Record<number, string>)[digest.length]!]: digest,
          },
        })),
      );
    }),
  );
});

test("a separator of lines or paragraphs is a part of a name", () => {
  for (const name of ["a\u2028b", "\u2029"])
    expect(parseChecksums(line("0".repeat(64), name, "  "), "SUMS")[0]!.name).toBe(name);
});

test("no text makes the parsers throw anything but a sentence", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const parse of [(each: string) => parseChecksums(each, "SUMS"), parseArtifactsList, parseDigest]) {
        try {
          parse(text);
        } catch (error) {
          expect((error as Error).name).toBe("UserError");
        }
      }
    }),
  );
});

test("checksums in BSD's form", () => {
  expect(parseChecksums(`SHA256 (a (b).txt) = ${"AB".repeat(32)}\r\n`, "SUMS")).toEqual([
    { name: "a (b).txt", digest: { sha256: "ab".repeat(32) } },
  ]);
  expect(() => parseChecksums(`SHA512 (a) = ${"ab".repeat(32)}`, "SUMS")).toThrow("SUMS, line 1, is no checksum");
});

test("a name stands for one content, and the same content may be named twice", () => {
  const [a, b] = [{ sha256: "a" }, { sha256: "b" }];
  expect(
    distinct([
      { name: "y", digest: a },
      { name: "x", digest: a },
      { name: "y", digest: a },
    ]),
  ).toEqual([
    { name: "x", digest: a },
    { name: "y", digest: a },
  ]);
  expect(() =>
    distinct([
      { name: "x", digest: a },
      { name: "x", digest: b },
    ]),
  ).toThrow('have the name "x"');
});

test("parts have all items, in order, and none is too large", () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), fc.integer({ min: 1, max: 9 }), (items, size) => {
      const parts = chunks(items, size);
      expect(parts.flat()).toEqual(items);
      expect(parts.every(({ length }) => length > 0 && length <= size)).toBe(true);
    }),
  );
});

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "subjects-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

test("files by pattern, by path, and through links to files", async () => {
  const root = folderWith({ "dist/a.txt": "a", "dist/b[1].txt": "b", "store/c.txt": "c", "dist/sub/d.txt": "d" });
  symlinkSync(join(root, "store/c.txt"), join(root, "dist/c.txt"));
  const names = async (patterns: string[], base = "") =>
    (await hashFiles(patterns, { root, base })).map(({ subject }) => subject.name);
  expect(await names(["dist/*"])).toEqual(["a.txt", "b[1].txt", "c.txt"]);
  expect(await names(["dist/b[1].txt"])).toEqual(["b[1].txt"]);
  expect(await names(["dist/**", "!dist/sub/*"], "dist")).toEqual(["a.txt", "b[1].txt", "c.txt"]);
  expect(await names([join(root, "dist/sub/d.txt")], ".")).toEqual(["dist/sub/d.txt"]);
  await expect(names(["dist/a.txt"], "store")).rejects.toThrow("is not below `subject-base`");
  await expect(names(["dist/a.txt", "!dist/*"])).rejects.toThrow("are taken out again");
});

test("where all is to be checked, nothing in a folder that matches is passed over", async () => {
  const root = folderWith({ "dist/a": "a", "dist/sub/b": "b", "hid/sub/.h": "h", "hid/a": "a", "flat/a": "a" });
  const names = async (...patterns: string[]) =>
    (await hashFiles(patterns, { root, base: "", whole: true })).map(({ subject }) => subject.name);
  expect(await names("dist/**")).toEqual(["a", "b"]);
  expect(await names("flat/*")).toEqual(["a"]);
  expect(await names("dist/*", "!dist/sub")).toEqual(["a"]);
  expect(await names("hid/**", "hid/sub/.h")).toEqual(["a", ".h"]);
  await expect(names("dist/*")).rejects.toThrow("dist/sub/b lies in a folder");
  await expect(names("hid/**")).rejects.toThrow("hid/sub/.h lies in a folder");
  symlinkSync(join(root, "dist/sub"), join(root, "flat/link"));
  await expect(names("flat/**")).rejects.toThrow("flat/link");
});

test("progress is told in bytes of all files, up to the last", async () => {
  const root = folderWith({ "a.bin": "a".repeat(2_500_000), "b.bin": "b".repeat(500_000) });
  const told: [number, number][] = [];
  await hashFiles(["*.bin"], { root, base: "", progress: (done, total) => told.push([done, total]) });
  expect(told.length).toBeGreaterThan(3);
  expect(told.map(([done]) => done)).toEqual(told.map(([done]) => done).sort((a, b) => a - b));
  expect(told.at(-1)).toEqual([3_000_000, 3_000_000]);
  expect(told.every(([, total]) => total === 3_000_000)).toBe(true);
});

const below = (folder: string, files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, content]) => [`${folder}/${name}`, content]));

test("an image layout is hashed to its last blob", async () => {
  const { files, digest } = forgeLayout();
  const root = folderWith(below("image", files));
  const progress: number[] = [];
  const [image] = await hashFiles(["image"], {
    root,
    base: "",
    progress: (done, total) => progress.push(done / total),
  });
  expect(image).toMatchObject({ isLayout: true, subject: { name: "image", digest: parseDigest(digest) } });
  expect(progress.at(-1)).toBe(1);
});

const { files, digest, layer, manifest } = forgeLayout();
const without = (name: string) => Object.fromEntries(Object.entries(files).filter(([each]) => each !== name));
const indexOf = (...manifests: object[]) => ({ ...files, "index.json": JSON.stringify({ manifests }) });
const tgz = "what was attested as a file";
const asBlob = `sha256:${createHash("sha256").update(tgz).digest("hex")}`;

test.each([
  ["names a digest and has no blob", { "oci-layout": "{}", "index.json": files["index.json"]! }, "is missing"],
  ["lacks a layer", without(layer), "is missing"],
  ["has a changed layer", { ...files, [layer]: "lAyer" }, "has another content"],
  ["has a longer layer", { ...files, [layer]: "layers" }, "has not the size"],
  ["has a changed manifest", { ...files, [manifest]: files[manifest]!.replace(":2", ":3") }, "has another content"],
  ["has a blob of another name", { ...files, [`blobs/sha256/${"a".repeat(64)}`]: "" }, "has another content"],
  ["has a file beside the image", { ...files, "run.sh": "evil" }, "no part of an image: run.sh"],
  [
    "hands in a file as the manifest",
    { ...indexOf({ digest: asBlob, size: tgz.length }), [`blobs/${asBlob.replace(":", "/")}`]: tgz },
    "is no manifest",
  ],
  ["has a manifest that is two things", forgeLayout("layer", { manifests: [] }).files, "is neither a manifest"],
  ["has a manifest of another type", forgeLayout("layer", { mediaType: "text/plain" }).files, "another media type"],
  ["names a path", indexOf({ digest: "sha256:../../index.json", size: 1 }), "is no digest"],
  ["names several images", indexOf({ digest }, { digest }), "an OCI layout with 2 manifests"],
  ["has a list of nothing", indexOf(null as never), "is no digest"],
  ["cannot be read", { ...files, "index.json": "{" }, "no OCI layout that can be read"],
])("an image layout that %s is refused", async (_, files, message) => {
  const root = folderWith(below("app.tgz", files));
  await expect(hashFiles(["app.tgz"], { root, base: "" })).rejects.toThrow(message);
});

test("an image layout with a link in it is refused", async () => {
  const root = folderWith({ ...below("image", without(layer)), elsewhere: files[layer]! });
  symlinkSync(join(root, "elsewhere"), join(root, "image", layer));
  await expect(hashFiles(["image"], { root, base: "" })).rejects.toThrow(`no part of an image: ${layer}`);
});
