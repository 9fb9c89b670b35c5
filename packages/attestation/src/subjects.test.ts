import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { chunks, distinct, hashFiles, parseArtifactsList, parseChecksums, parseDigest } from "./subjects.ts";

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

test("an image layout that holds several images names none of them", async () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const root = folderWith({
    "image/oci-layout": "{}",
    "image/index.json": JSON.stringify({ manifests: [{ digest }, { digest }] }),
    "broken/oci-layout": "{}",
    "broken/index.json": "{",
  });
  await expect(hashFiles(["image"], { root, base: "" })).rejects.toThrow("an OCI layout with 2 manifests");
  await expect(hashFiles(["broken"], { root, base: "" })).rejects.toThrow("no OCI layout that can be read");
});
