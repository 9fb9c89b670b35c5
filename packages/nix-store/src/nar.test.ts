import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { hashNar, narBlocks } from "./nar.ts";

test("a tree has one digest, whether it is hashed here, or in a thread since it is large", () => {
  const folder = mkdtempSync(join(tmpdir(), "nar-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "file");
  const block = 1 << 18;
  // One block, exactly one, some, exactly as many as there are slots, and more; what is around a file's content takes 112 bytes.
  const sizes = [1, 2, 4, 5, 9].flatMap((blocks) => [-8, 0, 1, 8].map((more) => blocks * block - 112 + more));
  for (const size of [0, 1, ...sizes]) {
    writeFileSync(file, Buffer.alloc(size, `content of ${size}`));
    const pieces: Buffer[] = [];
    const blocks = narBlocks(file);
    let next = blocks.next();
    for (; !next.done; next = blocks.next()) pieces.push(Buffer.from(next.value));
    const archive = Buffer.concat(pieces);
    const wanted = { hash: `sha256-${createHash("sha256").update(archive).digest("base64")}`, size: archive.length };
    expect(next.value, `${size}`).toEqual(wanted);
    expect(hashNar(file), `${size}`).toEqual(wanted);
    expect(archive.length).toBe(112 + 8 * Math.ceil(size / 8));
  }
});
