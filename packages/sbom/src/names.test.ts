import { parseName } from "@goatnote/nix-store";
import { describe, expect, test } from "vitest";
import { nameOfDerivation, nameOfPath, withoutArchiveEnding } from "./names.ts";
import { derivation } from "./samples.ts";

const hash = "0123456789abcdfghijklmnpqrsvwxyz";

test.each([
  ["hello-2.12", "hello", "2.12"],
  ["glibc-2.40-66", "glibc", "2.40-66"],
  ["source", "source", null],
  ["python3.12-requests-2.32.3", "python3.12-requests", "2.32.3"],
  ["gtk+3-3.24", "gtk+3", "3.24"],
  ["-1", "-1", null],
])("%s is parted as Nix does it", (text, name, version) => {
  expect(parseName(text)).toEqual({ name, version });
});

test.each([
  ["gcc-13.3.0-lib", "gcc", "13.3.0", "lib"],
  ["libX11-1.8.10-dev", "libX11", "1.8.10", "dev"],
  ["glibc-2.40-66", "glibc", "2.40-66", null],
  ["perl-lib", "perl-lib", null, null],
  ["x-1.0-beta", "x", "1.0-beta", null],
])("of %s without a derivation the output is no part of the version", (text, name, version, output) => {
  expect(nameOfPath(`/nix/store/${hash}-${text}`)).toEqual({ name, version, output });
});

describe("a derivation's name", () => {
  test.each([
    [{ name: "x", env: { pname: "libX", version: "2" } }, "libX", "2"],
    [{ name: "x-3.1", env: { pname: "x" } }, "x", "3.1"],
    [{ name: "x-git-abc", env: { version: "git-abc" } }, "x", "git-abc"],
    [{ name: "y", env: {}, structuredAttrs: { pname: "z", version: "1" } }, "z", "1"],
    [{ name: "glibc-2.40-66", env: {} }, "glibc", "2.40-66"],
  ])("%j", (parts, name, version) => {
    expect(nameOfDerivation(derivation(parts))).toEqual({ name, version });
  });
});

test.each([
  ["2.12.tar.gz", "2.12"],
  ["1.0.11.crate", "1.0.11"],
  ["2.12", "2.12"],
  ["1.targz", "1.targz"],
])("%s without what an archive's name ends in", (text, plain) => {
  expect(withoutArchiveEnding(text)).toBe(plain);
});
