import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { importsIn } from "./imports.ts";

test("imports are followed in the files of the checkout, and through no link out of it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "imports-"));
  try {
    const texts = {
      "lab/src/model.py": "",
      "lab/tests/test_model.py": "from src import model\n",
      "lab/go.mod": "module example.org/lab\n",
      "lab/io/io.go": "package io\n",
      "lab/io/io_test.go": "package io\n",
      "outside.py": "from src import model\n",
    };
    for (const [path, text] of Object.entries(texts)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    symlinkSync(join(folder, "outside.py"), join(folder, "lab/tests/test_link.py"));
    const files = ["src/model.py", "tests/test_model.py", "tests/test_link.py", "go.mod", "io/io.go", "io/io_test.go"];
    const workspace = join(folder, "lab");
    const at = async (folder: string, path: string) => (await importsIn(folder, files, [{ path }])).imports!;
    const python = await at(workspace, "src/model.py");
    expect(python.get("tests/test_model.py")).toEqual({ distance: 1, changed: "src/model.py" });
    expect(python.get("tests/test_link.py")).toEqual({ distance: 1, changed: "tests/test_link.py", unread: true });
    // A runner of Go is told folders.
    const go = await at(workspace, "io/io.go");
    expect(go.get("io")).toEqual({ distance: 1, changed: "io/io.go" });
    // A change that deletes a file breaks what imports it.
    expect((await at(workspace, "src/__init__.py")).get("tests/test_model.py")?.distance).toBe(1);
    expect(await importsIn(join(folder, "nowhere"), files, [{ path: "src/model.py" }])).toEqual({
      imports: null,
      importsUnknown: "go.mod cannot be read, or has more than 1000000 characters",
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
