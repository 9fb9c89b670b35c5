/** Manifests are small, exact, and believed of nobody. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { decodeManifest } from "./decode.ts";
import type { Environment, Inputs } from "./environment.ts";
import { compareLegs, type Leg } from "./legs.ts";
import { compareEntries, type Entry, encodeManifest, type Manifest, makeManifest } from "./manifest.ts";
import { scan } from "./scan.ts";

let folder = "";
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function tree(): string {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "manifest-")));
  mkdirSync(join(folder, "a/empty"), { recursive: true });
  writeFileSync(join(folder, "a/text"), "hello\n");
  writeFileSync(join(folder, "a/tool"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(folder, "a/big"), Buffer.alloc(3 * 1024 * 1024 + 7, "x"));
  symlinkSync("/etc/passwd", join(folder, "a/link"));
  symlinkSync("a", join(folder, "loop"));
  symlinkSync("..", join(folder, "a/up"));
  return folder;
}

const environment: Environment = {
  platform: "linux",
  arch: "x64",
  release: "6.8",
  image: "",
  machine: `sha256:${"1".repeat(64)}`,
  built_at: "2026-11-27T00:00:00.000Z",
};
const inputs: Inputs = { commit: "a".repeat(40), changes: "", script: "" };
const file = (path: string, content = "0"): Entry => ({
  path,
  type: "file",
  size: 1,
  sha256: content.repeat(64),
  executable: false,
  mode: "0644",
});
const manifest = (
  entries: Entry[] = [file("a")],
  where: Partial<Environment> = {},
  from: Partial<Inputs> = {},
): Manifest => makeManifest(entries, { ...environment, ...where }, { ...inputs, ...from });

describe("a scan", () => {
  test("has the digests that sha256sum prints, and follows no link", async () => {
    const root = tree();
    const entries = await scan(root, [join(root, "a"), join(root, "loop")]);
    const files = entries.filter((entry) => entry.type === "file");
    const printed = execFileSync(
      "sha256sum",
      files.map(({ path }) => path),
      { cwd: root, encoding: "utf8" },
    );
    expect(files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join("")).toBe(printed);
    expect(entries.filter(({ type }) => type === "link")).toEqual(
      expect.arrayContaining([
        { path: "a/link", type: "link", target: "/etc/passwd" },
        { path: "a/up", type: "link", target: ".." },
        { path: "loop", type: "link", target: "a" },
      ]),
    );
    expect(entries.find(({ path }) => path === "a/tool")).toMatchObject({ executable: true, mode: "0755" });
    expect(entries.find(({ path }) => path === "a/empty")).toMatchObject({ type: "directory" });
  });

  test("sees content, names, the executable bit and targets, and not times or other bits", async () => {
    const root = tree();
    const look = (): Promise<Entry[]> => scan(root, [join(root, "a")]);
    const before = await look();
    execFileSync("touch", ["-d", "@0", join(root, "a/text")]);
    chmodSync(join(root, "a/text"), 0o664);
    expect(compareEntries(before, await look())).toEqual([]);
    chmodSync(join(root, "a/text"), 0o755);
    writeFileSync(join(root, "a/big"), "other");
    rmSync(join(root, "a/link"));
    symlinkSync("/etc/group", join(root, "a/link"));
    rmSync(join(root, "a/empty"), { recursive: true });
    writeFileSync(join(root, "a/new"), "");
    expect(compareEntries(before, await look())).toEqual([
      { path: "a/big", kind: "content" },
      { path: "a/empty", kind: "only-in-first" },
      { path: "a/link", kind: "target" },
      { path: "a/new", kind: "only-in-second" },
      { path: "a/text", kind: "executable" },
    ]);
  });
});

describe("decoding", () => {
  test("gives back what was encoded", () => {
    const entries: Entry[] = [
      file("b"),
      { path: "a", type: "directory", mode: "0755" },
      { path: "a/ü\n", type: "link", target: "../x" },
    ];
    const made = manifest(entries);
    expect(decodeManifest(encodeManifest(made), "m")).toEqual(made);
  });

  const altered = (change: (value: ReturnType<typeof JSON.parse>) => void): string => {
    const value = JSON.parse(encodeManifest(manifest()));
    change(value);
    return JSON.stringify(value);
  };

  test.each([
    ["no JSON", "{", "not JSON"],
    ["a list", "[]", "not an object"],
    [
      "another schema",
      altered((m) => {
        m.schema = "x";
      }),
      "schema",
    ],
    [
      "a field more",
      altered((m) => {
        m.more = 1;
      }),
      "unknown field",
    ],
    ["__proto__", '{"__proto__": {}}', "unknown field"],
    [
      "another digest",
      altered((m) => {
        m.digest = `sha256:${"2".repeat(64)}`;
      }),
      "digest",
    ],
    [
      "other content",
      altered((m) => {
        m.entries[0].sha256 = "3".repeat(64);
      }),
      "digest",
    ],
    [
      "a path upwards",
      altered((m) => {
        m.entries[0].path = "../a";
      }),
      "out of its folder",
    ],
    [
      "a path inside and up",
      altered((m) => {
        m.entries[0].path = "a/../../b";
      }),
      "out of its folder",
    ],
    [
      "an absolute path",
      altered((m) => {
        m.entries[0].path = "/etc/passwd";
      }),
      "out of its folder",
    ],
    [
      "a drive",
      altered((m) => {
        m.entries[0].path = "C:x";
      }),
      "out of its folder",
    ],
    [
      "a path twice",
      altered((m) => {
        m.entries.push(m.entries[0]);
      }),
      "twice",
    ],
    [
      "a link with a digest",
      altered((m) => {
        m.entries = [{ path: "a", type: "link", target: "b", sha256: "3".repeat(64) }];
      }),
      "a link has the unknown field",
    ],
    [
      "a size that is none",
      altered((m) => {
        m.entries[0].size = -1;
      }),
      "size",
    ],
    [
      "a huge size",
      altered((m) => {
        m.entries[0].size = 1e300;
      }),
      "size",
    ],
    [
      "a mode that is none",
      altered((m) => {
        m.entries[0].mode = "rwx";
      }),
      "mode",
    ],
    [
      "a machine with a line break",
      altered((m) => {
        m.environment.machine = "x\n::error::y";
      }),
      "machine",
    ],
    [
      "an image with a command",
      altered((m) => {
        m.environment.image = "x\n::error::y";
      }),
      "image",
    ],
    [
      "entries that are none",
      altered((m) => {
        m.entries = {};
      }),
      "entries",
    ],
    ...["toString", "__proto__", { toString: null }].map((type): [string, string, string] => [
      `a type that every object has, ${JSON.stringify(type)}`,
      altered((m) => {
        m.entries = [{ path: "a", type }];
      }),
      "neither file, directory nor link",
    ]),
    [
      "an entry that is null",
      altered((m) => {
        m.entries = [null];
      }),
      "not an object",
    ],
  ])("refuses %s", (_, text, words) => {
    expect(() => decodeManifest(text, "m.json")).toThrow(words);
    expect(() => decodeManifest(text, "m.json")).toThrow(/^m\.json is not a manifest of repro-check: /);
  });
});

describe("legs", () => {
  const machine = (number: number) => ({ machine: `sha256:${String(number).repeat(64)}` });
  const legs = (...manifests: Manifest[]): Leg[] =>
    manifests.map((each, i) => ({ name: `leg ${i + 1}`, manifest: each }));
  const verdict = (...manifests: Manifest[]) => {
    const { verdict: found, reason } = compareLegs(legs(...manifests), { minLegs: 2 });
    return `${found}: ${reason}`;
  };

  test.each([
    [
      "two machines that agree",
      [manifest(undefined, machine(1)), manifest(undefined, machine(2))],
      /^identical: .*2 machines/,
    ],
    [
      "two that do not",
      [manifest(undefined, machine(1)), manifest([file("a", "1")], machine(2))],
      /^different: .*1 path differs between leg 1 and leg 2/,
    ],
    ["one machine twice", [manifest(), manifest()], /^not-checked: .*one machine/],
    ["one machine twice, differing", [manifest(), manifest([file("a", "1")])], /^different/],
    ["a missing leg", [manifest()], /^not-checked: .*1 of at least 2/],
    ["no leg", [], /^not-checked/],
    [
      "another commit",
      [manifest(), manifest(undefined, machine(2), { commit: "b".repeat(40) })],
      /^not-checked: .*another commit/,
    ],
    [
      "uncommitted changes in one",
      [manifest(), manifest(undefined, machine(2), { changes: `sha256:${"4".repeat(64)}` })],
      /^not-checked: .*uncommitted/,
    ],
    [
      "no commit at all",
      [manifest([], {}, { commit: "" }), manifest([], machine(2), { commit: "" })],
      /^not-checked: .*No commit/,
    ],
    ["nothing in them", [manifest([], machine(1)), manifest([], machine(2))], /^not-checked: .*No file/],
    [
      "only links and folders in them",
      [1, 2].map((each) =>
        manifest(
          [
            { path: "bin", type: "directory", mode: "0755" },
            { path: "result", type: "link", target: "/nix/store/abc" },
          ],
          machine(each),
        ),
      ),
      /^not-checked: .*No file/,
    ],
    [
      "a second platform with one leg",
      [
        manifest(),
        manifest(undefined, machine(2)),
        manifest(undefined, { ...machine(3), platform: "darwin", arch: "arm64" }),
      ],
      /^not-checked: darwin arm64: 1 of at least 2/,
    ],
    [
      "another script in the later legs",
      ["", "5", "6"].map((each, i) =>
        manifest(undefined, machine(i + 1), { script: each && `sha256:${each.repeat(64)}` }),
      ),
      /^not-checked: leg 2 and leg 3 .*script/,
    ],
    [
      "three legs of two machines",
      [1, 1, 2].map((each) => manifest(undefined, machine(each))),
      /^identical: .* 3 legs of 2 machines/,
    ],
  ])("%s", (_, manifests, words) => {
    expect(verdict(...manifests)).toMatch(words);
  });

  test("across platforms it is told what is equal, and nothing is required of the rest", () => {
    const two = [file("doc"), file("tool")];
    const other = [file("doc"), file("tool", "1")];
    const mac = { platform: "darwin", arch: "arm64" };
    const { verdict: found, across } = compareLegs(
      legs(
        manifest(two, machine(1)),
        manifest(two, machine(2)),
        manifest(other, { ...machine(3), ...mac }),
        manifest(other, { ...machine(4), ...mac }),
      ),
      { minLegs: 2 },
    );
    expect(found).toBe("identical");
    expect(across).toEqual({ equal: ["doc"], different: ["tool"], only_on_some: [], derivations: null });
  });

  test("what Nix builds on two platforms is told to be of different derivations, and compared without their hashes", () => {
    const of = (hash: string, tool: string, ...more: string[]): Entry[] => [
      { path: `${hash.repeat(32)}-lab`, type: "directory", mode: "0555" },
      file(`${hash.repeat(32)}-lab/doc`),
      file(`${hash.repeat(32)}-lab/tool`, tool),
      ...more.map((name) => file(`${hash.repeat(32)}-lab/${name}`)),
    ];
    const mac = { platform: "darwin", arch: "arm64" };
    const { across } = compareLegs(
      legs(
        ...[1, 2].map((each) => manifest(of("a", "1"), machine(each))),
        ...[3, 4].map((each) => manifest(of("b", "2", "lib.dylib"), { ...machine(each), ...mac })),
      ),
      { minLegs: 2 },
    );
    expect(across).toEqual({
      equal: ["lab/doc"],
      different: ["lab/tool"],
      only_on_some: ["lab/lib.dylib"],
      derivations: "different",
    });
  });

  test.each([
    [{ platforms: ["linux", "linux x64"] }, "identical", /./],
    [{ platforms: ["linux", "darwin"] }, "not-checked", /none is of darwin/],
    [{ platforms: ["linux arm64"] }, "not-checked", /none is of linux arm64/],
    [{ absent: ["legs/three.json"] }, "not-checked", /there is no manifest legs\/three.json/],
  ])("a leg that is wanted and not there is missed: %j", (wanted, expected, words) => {
    const both = [1, 2].map((each) => manifest(undefined, machine(each)));
    const { verdict: found, reason } = compareLegs(legs(...both), { minLegs: 2, ...wanted });
    expect(found).toBe(expected);
    expect(reason).toMatch(words);
  });
});
