/** What differences stand for, by contents that name it in the forms of many tools; and that strangers' archives end nowhere else. */
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Budget } from "../formats/container.ts";
import { sampleScene, tar, tarHeader } from "../samples.ts";
import { type Explaining, explain, type Finding } from "./explain.ts";
import { normalisersFor } from "./normalise.ts";

const context = (budget = new Budget()): Explaining => ({
  scene: sampleScene,
  normalisers: normalisersFor(sampleScene),
  budget,
});
const explained = (a: string | Buffer, b: string | Buffer, budget?: Budget): Promise<Finding[]> =>
  explain(Buffer.from(a), Buffer.from(b), ["out"], context(budget));
const causesOf = async (a: string | Buffer, b: string | Buffer): Promise<string[]> =>
  (await explained(a, b)).filter(({ derived }) => !derived).flatMap(({ causes }) => causes);

test("equal contents have no cause", async () => {
  expect(await explained("a", "a")).toEqual([]);
});

describe("a text that differs in", () => {
  test.each([
    ["seconds since 1970", "at 1700000010\n", "at 1734400011\n", "timestamp"],
    ["milliseconds", "t=1700000010123\n", "t=1734400011456\n", "timestamp"],
    ["ISO 8601", '"2023-11-14T22:13:30.123Z"', '"2024-12-17T01:46:51Z"', "timestamp"],
    ["date and time of day", "2023-11-14 22:13:30 +0000", "2024-12-17 01:46:51 +0000", "timestamp"],
    ["digits alone", "build 20231114", "build 20241217", "timestamp"],
    ["date(1)", "Tue Nov 14 22:13:30 UTC 2023", "Tue Dec 17 01:46:51 UTC 2024", "timestamp"],
    ["the date of mail", "Tue, 14 Nov 2023 22:13:30 +0000", "Tue, 17 Dec 2024 01:46:51 +0000", "timestamp"],
    ["__DATE__", "Nov 14 2023 22:13:30", "Dec 17 2024 01:46:51", "timestamp"],
    ["the folder", "at /builds/first/tree/lab/src/a.c:3", "at /builds/the-second/tree/lab-two/src/a.c:3", "build-path"],
    ["the name of the folder", "project lab built", "project lab-two built", "build-path"],
    ["the home", "/home/ada/.cargo", "/builds/the-second/home/.cargo", "home"],
    ["the temporary folder", "/builds/first/tmp/x", "/builds/the-second/tmp/x", "temporary-path"],
    ["the host", "built on runner-7", "built on second-build", "hostname"],
    ["the kernel", "Linux 6.8.0-1020-azure x", "Linux 2.6.68-1020-azure x", "kernel"],
    ["the user", "by ada", "by daemon", "user"],
    ["a user id among ones", "1 uid=1001 1", "1 uid=1 1", "user"],
    ["processors", "jobs: 4, level 1", "jobs: 1, level 1", "cpus"],
    ["the zone", "offset +0000", "offset +1400", "timezone"],
    ["a variable", "A=1\nPATH=/usr/bin\nB=2\n", "A=1\nNOISE=x\nPATH=/usr/bin:/nonexistent\nB=2\n", "environment"],
    ["a UUID", "id 6ba7b810-9dad-11d1-80b4-00c04fd430c8", "id 123e4567-e89b-42d3-a456-426614174000", "uuid"],
    ["an address", "<object at 0x7f1234567890>", "<object at 0x7fabcdef0123>", "address"],
    ["lines in another order", "a\nb\nc\n", "c\na\nb\n", "order"],
    ["words in another order", "{'x1', 'y2', 'z3'}", "{'z3', 'x1', 'y2'}", "order"],
    ["hex that means nothing", "seed deadbeef01\n", "seed 0123456789\n", "random"],
    ["the next version of a name", "got foo-2.1.3.tar.gz\n", "got foo-2.1.4.tar.gz\n", "unknown"],
    ["a time of day", "at 22:13:30\n", "at 01:46:51\n", "timestamp"],
    ["a time of day in the zone", "at 22:13:30\n", "at 15:46:51\n", "timestamp"],
    ["a duration", "took 00:12:34\n", "took 00:45:56\n", "unknown"],
    ["what nobody knows", "hello\n", "world\n", "unknown"],
  ])("%s", async (_, a, b, cause) => {
    expect(await causesOf(a, b)).toEqual([cause]);
  });

  test("two things is told both, and no third", async () => {
    expect(await causesOf("ada at 1700000010", "daemon at 1734400011")).toEqual(["user", "timestamp"]);
  });

  test("names of another locale are read in dates, and not in a digest", async () => {
    const months = "jaan;veebr;märts;apr;mai;juuni;juuli;aug;sept;okt;nov;dets";
    const { first, second } = sampleScene;
    const scene = { first, second: { ...second, facts: { ...second.facts, months, days: "P;E;T;K;N;R;L" } } };
    const estonian = { scene, normalisers: normalisersFor(scene), budget: new Budget() };
    const causes = async (a: string, b: string): Promise<string[]> =>
      (await explain(Buffer.from(a), Buffer.from(b), ["out"], estonian)).flatMap((each) => each.causes);
    expect(await causes("Tue Nov 14 22:13:30 UTC 2023", "T dets 17 01:46:51 UTC 2024")).toEqual(["timestamp"]);
    expect(await causes("Tue, 14 Nov 2023 22:13:30", "T, 17 dets 2024 01:46:51")).toEqual(["timestamp"]);
    const [a, b] = ["QbmPTvTfzuIULfF7pzvVLxxut4pEGadRh6nCvrdVC8w", "T-CScYHXIJseIHxEU3NJbKliGl_hZ8tc-_Or5dhdBsE"];
    expect(await causes(`lab.py,sha256=${a},19\n`, `lab.py,sha256=${b},19\n`)).toEqual(["digest"]);
  });

  test("a moment far from the clocks is no timestamp", async () => {
    expect(await causesOf("v 1500000000", "v 1600000000")).not.toContain("timestamp");
    expect(await causesOf("since 2019-01-02", "since 2018-03-04")).not.toContain("timestamp");
  });
});

describe("binary", () => {
  const bytes = (seconds: number): Buffer => {
    const buffer = Buffer.alloc(64);
    buffer.writeUInt32LE(seconds, 20);
    return buffer;
  };

  test("moments near both clocks are timestamps", async () => {
    expect(await causesOf(bytes(1_700_000_001), bytes(1_734_400_002))).toEqual(["timestamp"]);
  });

  test("strings that a linker put in another order since one is the folder", async () => {
    const [a, b] = ["/builds/first/tree/lab", "/builds/the-second/tree/lab-two"];
    expect(await causesOf(`${a}\0a.c\0src\0`, `a.c\0src\0${b}\0`)).toEqual(["build-path"]);
    expect(await causesOf("main\0a.c\0src\0", "src\0main\0a.c\0")).toEqual(["order"]);
  });

  test("other numbers are not", async () => {
    expect(await causesOf(bytes(1_700_000_001), bytes(12))).toEqual(["unknown"]);
  });
});

describe("archives", () => {
  test("each difference is told where it is, and the one that follows is told to follow", async () => {
    const a = tar([
      { name: "x", content: "at 1700000010", mtime: 1 },
      { name: "y", content: "same" },
    ]);
    const b = tar([
      { name: "x", content: "at 1734400011", mtime: 2 },
      { name: "y", content: "same" },
    ]);
    const found = await explained(gzipSync(a), gzipSync(b));
    expect(found.map(({ place, what, causes }) => [place.join("/"), what, causes])).toEqual([
      ["out", "mtime", ["mtime"]],
      ["out/x", "content", ["timestamp"]],
    ]);
  });

  test("the same content, packed otherwise", async () => {
    const content = Buffer.from("abc".repeat(1000));
    expect(await explained(gzipSync(content, { level: 1 }), gzipSync(content, { level: 9 }))).toMatchObject([
      { causes: ["compression"] },
    ]);
  });

  test("members that only one has", async () => {
    const [a, b] = [
      tar([{ name: "x", content: "1" }]),
      tar([
        { name: "x", content: "1" },
        { name: "y", content: "2" },
      ]),
    ];
    expect(await explained(a, b)).toMatchObject([
      { what: "members only in the second", causes: ["missing"], second: "y" },
    ]);
  });

  test("the same name twice is two members", async () => {
    const twice = (second: string): Buffer =>
      tar([
        { name: "x", content: "1" },
        { name: "x", content: second },
      ]);
    expect(await explained(twice("2"), twice("3"))).toMatchObject([{ place: ["out", "x (2)"] }]);
  });
});

describe("archives of strangers", () => {
  const megabytes = (count: number): Buffer => Buffer.alloc(count * 1024 * 1024);
  const small = (): Budget => new Budget(10 * 1024 * 1024, 1000);

  test("one that expands without end is not opened, and is still compared", async () => {
    const bomb = (last: number): Buffer => gzipSync(Buffer.concat([megabytes(64), Buffer.from([last])]));
    expect(await explained(bomb(1), bomb(2), small())).toMatchObject([
      { what: "content (not opened: it expands to too many bytes)", causes: ["unknown"] },
    ]);
  });

  test("one inside the other, ever so often, ends", async () => {
    const nested = (core: string): Buffer =>
      Array.from({ length: 40 }).reduce<Buffer>((inner) => tar([{ name: "in", content: inner }]), Buffer.from(core));
    const [found] = await explained(nested("a"), nested("b"));
    expect(found!.place.length).toBeLessThan(20);
    expect(found!.what).toContain("nested too deeply");
  });

  test.each([
    ["an absurd size", tarHeader("x", "77777777777\0")],
    ["a size beyond all numbers", tarHeader("x", "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")],
    ["a negative size", tarHeader("x", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")],
    [
      "a pax size that is none",
      Buffer.concat([
        tarHeader("p", "00000000014\0", { type: "x" }),
        Buffer.from("12 size=-99\n".padEnd(512, "\0")),
        tarHeader("x", "77777777777\0"),
      ]),
    ],
  ])("tar with %s", async (_, header) => {
    const [found] = await explained(
      Buffer.concat([header, Buffer.from("a")]),
      Buffer.concat([header, Buffer.from("b")]),
    );
    expect(found!.what).toMatch(/^content/);
  });

  test("names that lead elsewhere are only names", async () => {
    const slip = (content: string): Buffer => tar([{ name: "../../../../etc/passwd", content }]);
    expect(await explained(slip("1"), slip("2"))).toMatchObject([{ place: ["out", "../../../../etc/passwd"] }]);
  });

  test("too many members", async () => {
    const many = (last: string): Buffer =>
      tar([
        ...Array.from({ length: 1200 }, (_, i) => ({ name: `f${i}`, content: "" })),
        { name: "last", content: last },
      ]);
    expect((await explained(many("1"), many("2"), small()))[0]!.what).toBe(
      "content (not opened: it has too many members)",
    );
  });

  test("a name table of which each member names the whole", async () => {
    const header = (name: string, size: number): string =>
      `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"644".padEnd(8)}${String(size).padEnd(10)}\`\n`;
    const table = "x".repeat(4 * 1024 * 1024);
    const many = (last: string): Buffer =>
      Buffer.from(`!<arch>\n${header("//", table.length)}${table}${header("/0", 0).repeat(100_000)}${header(last, 0)}`);
    const found = await explained(many("a"), many("b"));
    expect(found).toMatchObject([{ what: "name", first: "a", second: "b" }]);
  });

  test("sections that lie on each other", async () => {
    const sections = 60_000;
    const overlapping = (last: number): Buffer => {
      const bytes = Buffer.alloc(64 + sections * 64 + 1024 * 1024);
      bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
      bytes.writeBigUInt64LE(64n, 40);
      bytes.writeUInt16LE(64, 58);
      bytes.writeUInt16LE(sections, 60);
      for (let i = 0; i < sections; i++) bytes.writeBigUInt64LE(1024n * 1024n, 64 + i * 64 + 32);
      bytes[bytes.length - 1] = last;
      return bytes;
    };
    const [found] = await explained(overlapping(1), overlapping(2));
    expect(found!.what).toBe("content (not opened: its members overlap)");
  });

  test("members of a zip that lie on each other", async () => {
    const overlapping = (last: number): Buffer => {
      const local = Buffer.alloc(30 + 60_000);
      local.write("PK\x03\x04", "latin1");
      local.writeUInt16LE(60_000, 28);
      const central = Buffer.alloc(46);
      central.write("PK\x01\x02", "latin1");
      const end = Buffer.alloc(22);
      end.write("PK\x05\x06", "latin1");
      end.writeUInt32LE(local.length, 16);
      return Buffer.concat([local, ...Array<Buffer>(50_000).fill(central), end, Buffer.from([last])]);
    };
    const [found] = await explained(overlapping(1), overlapping(2));
    expect(found!.what).toBe("content (not opened: its members overlap)");
  });

  test("attributes of pax without end", async () => {
    const records = Array.from({ length: 50_000 }, (_, i) => `14 k${String(i).padStart(6, "0")}=v\n`).join("");
    const pax = tarHeader("p", `${(14 * 4).toString(8).padStart(11, "0")}\0`, { type: "x" });
    const headers = Array.from({ length: 50_000 / 4 }, (_, i) =>
      Buffer.concat([pax, Buffer.from(records.slice(i * 56, (i + 1) * 56).padEnd(512, "\0"))]),
    );
    const many = (last: string): Buffer => Buffer.concat([...headers, tar([{ name: "x", content: last }])]);
    expect(await explained(many("runner-7"), many("second-build"))).toMatchObject([{ causes: ["hostname"] }]);
  });

  test("explaining ends when its time is used up, and what was not explained still differs", async () => {
    const budget = new Budget(1e9, 1000, 1e9, 0);
    expect(await explained("runner-7", "second-build", budget)).toMatchObject([
      { what: "content (stopped after 0 s, not explained further)", causes: ["unknown"], offset: 0 },
    ]);
    expect(budget.stopped).toBe(true);
  });

  test("a text of which every word differs ends in its time", async () => {
    const words = (seed: string): string => Array.from({ length: 120_000 }, (_, i) => `${seed}${i}`).join(" ");
    const budget = new Budget(1e9, 1000, 1e9, 0.5);
    const [found] = await explained(words("runner-7/"), words("second-build/"), budget);
    expect(found!.what).toMatch(/^content/);
  });

  const valid = [
    tar([
      { name: "x", content: "abc" },
      { name: "y", content: "def" },
    ]),
    gzipSync("hello"),
    Buffer.from("!<arch>\nx/              0           0     0     644     4         `\nabcd"),
    Buffer.concat([Buffer.from([0x6f, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0]), Buffer.alloc(24)]),
  ];
  const elf = Buffer.alloc(256);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  const zip = Buffer.concat([
    Buffer.from("PK\x03\x04"),
    Buffer.alloc(60),
    Buffer.from("PK\x01\x02"),
    Buffer.alloc(42),
    Buffer.from("PK\x05\x06"),
    Buffer.alloc(18),
  ]);
  const pe = Buffer.alloc(600);
  pe.write("MZ");
  pe.writeUInt32LE(64, 60);
  pe.write("PE\0\0", 64);
  pe.writeUInt16LE(2, 70);
  pe.writeUInt16LE(0xf0, 84);
  pe.writeUInt16LE(0x20b, 88);
  pe.writeUInt32LE(16, 88 + 108);
  const mutated = fc
    .tuple(
      fc.constantFrom(...valid, elf, zip, pe),
      fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { minLength: 1, maxLength: 8 }),
    )
    .map(([bytes, changes]) => {
      const copy = Buffer.from(bytes);
      for (const [at, value] of changes) copy[at % copy.length] = value;
      return copy;
    });

  test("whatever bytes are changed, a finding comes out and no error", async () => {
    await fc.assert(
      fc.asyncProperty(mutated, mutated, async (a, b) => {
        const found = await explain(a, b, ["out"], context(new Budget(1024 * 1024, 1000)));
        expect(found.length > 0).toBe(!a.equals(b));
      }),
      { numRuns: 1500 },
    );
  });
});
