import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maskForms } from "./masks.ts";

const masked = (text: string, forms = maskForms(Buffer.from(text))): string => {
  let clean = text;
  for (const form of forms.toSorted((a, b) => b.length - a.length)) clean = clean.replaceAll(form, "***");
  return clean;
};

describe("what is masked of a value", () => {
  test.each([
    ["the password in a URL", "postgres://app:p%40ss-w0rd@db.example:5432/x", ["p%40ss-w0rd", "p@ss-w0rd"]],
    ["a token in a URL", "https://ghp_abcdef0123@github.com/x", ["ghp_abcdef0123"]],
    [
      "what a JSON text holds",
      '{"private_key":"-----BEGIN\\nabcdefgh12\\n","n":[{"client":"client-77"}]}',
      ["abcdefgh12", "client-77"],
    ],
    ["the password of a connection string", "Server=db;User Id=sa;Password=hunter2hunter2;", ["hunter2hunter2"]],
    ["a value of dotenv lines", "HOST=db\nAPI_TOKEN='abc-def-ghi'\n", ["abc-def-ghi"]],
    ["a PEM body in one line", "-----BEGIN KEY-----\nQUJD\nREVG\n-----END KEY-----\n", ["QUJDREVG"]],
    ["the value without the space around it", " secret-value\n", ["secret-value"]],
  ])("%s", (_, text, parts) => {
    expect(maskForms(Buffer.from(text))).toEqual(expect.arrayContaining([text, ...parts]));
  });

  test.each([
    ["hex", (b: Buffer) => b.toString("hex")],
    ["HEX", (b: Buffer) => b.toString("hex").toUpperCase()],
    ["base64url", (b: Buffer) => b.toString("base64url")],
    ["a word of sh", (b: Buffer) => b.toString().replaceAll("'", "'\\''")],
    ["printf %q", (b: Buffer) => b.toString().replace(/[^\w@%+=:,./-]/g, "\\$&")],
  ])("its form as %s is masked, for any text", (_, encode) => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, maxLength: 40 }), (text) => {
        fc.pre(text.trim() === text);
        const form = encode(Buffer.from(text));
        // The runner itself masks base64, which base64url without - and _ is.
        const known = [...maskForms(Buffer.from(text)), Buffer.from(text).toString("base64").replace(/=+$/, "")];
        expect(masked(form, known).replaceAll("*", "")).toBe("");
      }),
    );
  });

  test("a JSON text with 200,000 lines in one string", () => {
    const text = JSON.stringify({ note: `${"\n".repeat(200_000)}the-last-line` });
    expect(maskForms(Buffer.from(text))).toContain("the-last-line");
  });

  test("base64url within other data, at any offset", () => {
    const secret = Buffer.from("\u00ff\u00fe\u00fd?>?>?>secret-and-more?>~~~");
    for (const before of ["", "a", "ab", "abc"]) {
      const whole = Buffer.concat([Buffer.from(before), secret, Buffer.from("zz")]).toString("base64url");
      const left = masked(whole, maskForms(secret)).replaceAll("***", "");
      expect(left.length).toBeLessThan(16);
    }
  });

  test.each([64, 70, 76])("base64 in lines of %s characters", (width) => {
    const secret = createHash("sha512").update("x").digest();
    const long = Buffer.concat([secret, secret, secret]);
    const wrapped = long.toString("base64").replace(new RegExp(`(.{${width}})`, "g"), "$1\n");
    for (const line of wrapped.split("\n").filter((each) => each.length >= 8)) expect(maskForms(long)).toContain(line);
  });

  test("a binary value", () => {
    const bytes = Buffer.from([0, 255, 254, 1, 2, 3, 200, 201, 202]);
    expect(maskForms(bytes)).toContain(bytes.toString("hex"));
  });

  test("bytes that are no text, as a shell that shows its commands quotes them", () => {
    const secret = Buffer.from("pa'ss\xffword $x", "latin1");
    const folder = mkdtempSync(join(tmpdir(), "masks-"));
    writeFileSync(join(folder, "secret"), secret);
    const { stderr } = spawnSync("bash", ["-c", 'PW=$(cat "$1"); set -x; : "$PW"', "-", join(folder, "secret")]);
    rmSync(folder, { recursive: true });
    const log = maskForms(secret).reduce((text, form) => text.replaceAll(form, "***"), stderr.toString("utf8"));
    expect(log.trim()).toMatch(/^\+ : (\*\*\*|'\*\*\*')$/);
  });

  test("a value with a zero byte is in no word of a shell, and not quoted as one", () => {
    const bytes = Buffer.from([0, 255, 39, 34, 36, 10, 65, 66, 67]);
    expect(maskForms(bytes)).toContain(bytes.toString("utf8"));
    expect(maskForms(bytes).filter((form) => form.includes("\\"))).toEqual([]);
  });

  test("a binary value in base64, alone and within other data at any offset", () => {
    const bytes = Buffer.from("c3a1ff00fe8190abcdeffa1200ff77c0c1f5aa", "hex");
    for (const alphabet of ["base64", "base64url"] as const) {
      expect(maskForms(bytes)).toContain(bytes.toString(alphabet));
      for (const before of ["a", "ab", "abc"]) {
        const whole = Buffer.concat([Buffer.from(before), bytes, Buffer.from("zz")]).toString(alphabet);
        expect(masked(whole, maskForms(bytes)).replaceAll("***", "").length).toBeLessThan(16);
      }
    }
  });

  test.each([
    ["a long word before ://", `${"a".repeat(1_000_000)} ://${"a://".repeat(100_000)}`],
    ["begins of PEM blocks that never end", "-----BEGIN X-----\n".repeat(50_000)],
    ["a mark that does not end", `-----BEGIN ${"x".repeat(1_000_000)}`],
    ["a JSON list of many values", JSON.stringify(Array.from({ length: 150_000 }, (_, i) => `value-${i}`))],
  ])("%s ends", (_, text) => {
    expect(maskForms(Buffer.from(text))).toContain(text);
  });

  test("short parts of structured texts are left readable", () => {
    expect(maskForms(Buffer.from('{"a":true,"b":1,"c":"x"}'))).not.toEqual(expect.arrayContaining(["x", "1", "true"]));
  });
});
