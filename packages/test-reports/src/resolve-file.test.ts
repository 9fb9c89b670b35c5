import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { FileResolver } from "./resolve-file.ts";

const root = mkdtempSync(join(tmpdir(), "goatnote-resolve-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Files with their text, at the root of a checkout. */
function checkout(texts: Record<string, string>): FileResolver {
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return new FileResolver(root, Object.keys(texts));
}

test("a package of Go is in the folder that its module says, with tests or without", () => {
  const resolver = checkout({
    "go.mod": "// of the lab\nmodule example.org/common\n\ngo 1.24\n",
    "root_test.go": "",
    "common/a_test.go": "",
    "model/m_test.go": "",
    "foo/model/m_test.go": "",
    "flag/flag.go": "",
    "tools/go.mod": 'module "example.org/common/tools"\n',
    "tools/gen/gen_test.go": "",
    "tools/testdata/go.mod": "module example.org/common\n",
  });
  const folders = {
    "example.org/common": ".",
    "example.org/common/common": "common",
    "example.org/common/model": "model",
    "example.org/common/foo/model": "foo/model",
    "example.org/common/flag": "flag",
    "example.org/common/tools/gen": "tools/gen",
    "example.org/common/gone": null,
    "example.org/other": null,
  };
  for (const [name, folder] of Object.entries(folders))
    expect([name, resolver.ofGoPackage(name)]).toEqual([name, folder]);
});

test("without a module, it is in the only folder that its path ends in", () => {
  const resolver = new FileResolver("/nowhere", ["foo/model/m_test.go", "model/m_test.go", "net/http/h_test.go"]);
  expect(resolver.ofGoPackage("net/http")).toBe("net/http");
  expect(resolver.ofGoPackage("example.org/foo/model")).toBeNull();
  expect(resolver.ofGoPackage("example.org/none")).toBeNull();
});

test("a text with examples that pytest runs is known by its dots", () => {
  const resolver = new FileResolver("/nowhere", [
    "docs/index.md",
    "docs/v1.2.rst",
    "tests/test_a.txt",
    "tests/test_a.py",
  ]);
  expect(resolver.ofClass("docs.index.md", "")).toEqual({ file: "docs/index.md", rest: "" });
  expect(resolver.ofClass("docs.v1.2.rst", "")).toEqual({ file: "docs/v1.2.rst", rest: "" });
  expect(resolver.ofClass("tests.test_a.txt", "")).toEqual({ file: "tests/test_a.txt", rest: "" });
  expect(resolver.ofClass("tests.test_a.TestX", "")).toEqual({ file: "tests/test_a.py", rest: "TestX" });
});
