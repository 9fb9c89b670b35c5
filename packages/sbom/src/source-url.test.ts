import fc from "fast-check";
import { PackageURL } from "packageurl-js";
import { expect, test } from "vitest";
import { purlOfUrl } from "./source-url.ts";

test.each([
  ["https://static.crates.io/crates/itoa/itoa-1.0.11.crate", "pkg:cargo/itoa@1.0.11"],
  ["https://crates.io/api/v1/crates/serde_json/1.0.1/download", "pkg:cargo/serde_json@1.0.1"],
  ["https://static.crates.io/crates/serde_json/1.0.1/download", "pkg:cargo/serde_json@1.0.1"],
  ["https://files.pythonhosted.org/packages/source/s/six/six-1.17.0.tar.gz", "pkg:pypi/six@1.17.0"],
  [
    "https://files.pythonhosted.org/packages/py3/z/zope_event/zope.event_x-5.0-py3-none-any.whl",
    "pkg:pypi/zope-event-x@5.0",
  ],
  ["https://pypi.org/packages/source/P/PyYAML/PyYAML-6.0.tar.gz", "pkg:pypi/pyyaml@6.0"],
  ["https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz", "pkg:npm/left-pad@1.3.0"],
  ["https://registry.npmjs.org/@babel/core/-/core-7.0.0-rc.1.tgz", "pkg:npm/%40babel/core@7.0.0-rc.1"],
  ["https://registry.yarnpkg.com/@babel%2fcore/-/core-7.0.0.tgz", null],
  ["https://proxy.golang.org/github.com/!azure/sdk/@v/v1.2.3.zip", "pkg:golang/github.com/Azure/sdk@v1.2.3"],
  ["https://rubygems.org/gems/rack-3.0.8.gem", "pkg:gem/rack@3.0.8"],
  ["https://hackage.haskell.org/package/aeson-2.2.1.0/aeson-2.2.1.0.tar.gz", "pkg:hackage/aeson@2.2.1.0"],
  ["https://cran.r-project.org/src/contrib/ggplot2_3.5.1.tar.gz", "pkg:cran/ggplot2@3.5.1"],
  [
    "https://repo1.maven.org/maven2/org/apache/commons/commons-lang3/3.12.0/commons-lang3-3.12.0.jar",
    "pkg:maven/org.apache.commons/commons-lang3@3.12.0",
  ],
  ["https://www.nuget.org/api/v2/package/Newtonsoft.Json/13.0.3", "pkg:nuget/Newtonsoft.Json@13.0.3"],
  ["https://github.com/Lab/Tool/archive/v1.0.tar.gz", "pkg:github/lab/tool@v1.0"],
  ["https://github.com/lab/tool/archive/refs/tags/v1.0.tar.gz", "pkg:github/lab/tool@v1.0"],
  ["https://github.com/lab/tool/releases/download/1.0/tool.tgz", "pkg:github/lab/tool@1.0"],
  ["https://codeload.github.com/lab/tool/tar.gz/refs/tags/v1", "pkg:github/lab/tool@v1"],
  ["https://api.github.com/repos/lab/tool/tarball/v1", "pkg:github/lab/tool@v1"],
  [
    "https://gitlab.com/api/v4/projects/group%2Fsub%2Ftool/repository/archive.tar.gz?sha=v2",
    "pkg:gitlab/group/sub/tool@v2",
  ],
  ["https://gitlab.com/group/tool/-/archive/v2/tool-v2.tar.gz", "pkg:gitlab/group/tool@v2"],
  ["https://github.com/lab/tool/commit/0123.patch", null],
  ["https://gitlab.com/api/v4/projects/%zz%2Ftool/repository/archive.tar.gz?sha=v2", null],
  ["https://github.com/lab/ /archive/1.0.tar.gz", null],
  ["https://example.org/tool-1.0.tar.gz", null],
  ["https://evil.example/https://static.crates.io/crates/a/a-1.crate", null],
])("%s", (url, purl) => {
  expect(purlOfUrl(url)).toBe(purl);
});

test("a git repository is known by its commit", () => {
  expect(purlOfUrl("https://github.com/lab/tool.git", "abc")).toBe("pkg:github/lab/tool@abc");
});

test("what is told can be read, whatever the URL holds", () => {
  const part = fc.string({ minLength: 1 }).filter((text) => !text.includes("/"));
  fc.assert(
    fc.property(part, part, (name, version) => {
      const purl = purlOfUrl(`https://github.com/${name}/${name}/archive/${version}.tar.gz`);
      if (purl !== null) PackageURL.fromString(purl);
    }),
    { numRuns: 5000 },
  );
});
