/**
 * Nothing secret is found where it was not asked for: everything that the action prints, writes or leaves behind is searched
 * for every plaintext and every encoding of it, on every path that it can end by.
 */
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { type AgeKey, ageKey, type Ended, Lab } from "./lab.ts";
import { placesOf } from "./leak-search.ts";

const secrets = {
  password: "correct-horse battery'staple",
  url: "postgres://app:p%40ss-w0rd@db.example:5432/x",
  pem: "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWxpbmUtb25l\nc2VjcmV0LWxpbmUtdHdv\n-----END PRIVATE KEY-----\n",
  json: '{"client_secret":"json-inner-secret"}',
  number: 987654321987,
  unpicked: "never-picked-value",
};
const content = JSON.stringify({ app: secrets, list: ["first-list-secret", { deep: "deep-list-secret" }] });
const inner = [
  "p@ss-w0rd",
  "p%40ss-w0rd",
  "c2VjcmV0LWxpbmUtb25l",
  "json-inner-secret",
  "first-list-secret",
  "deep-list-secret",
];

describeWithPeer("sops", (sops) => {
  let actions: string;
  let key: AgeKey;
  let other: AgeKey;
  let lab: Lab;
  beforeAll(async () => {
    actions = await build();
    [key, other] = [await ageKey(), await ageKey()];
  });
  beforeEach(() => {
    lab = new Lab(actions, sops);
    lab.encrypt("secrets.json", content, key.recipient);
  });
  afterEach(() => lab.remove());

  /** Everything secret, the keys too. */
  const all = (): string[] => [...Object.values(secrets).map(String), ...inner, key.identity, other.identity];
  const inputs = (more: Record<string, string> = {}) => ({ files: "secrets.json", "age-key": key.identity, ...more });

  const found = (ended: Ended, needles = all()): string[] => placesOf(needles, lab, ended);

  test("the search finds what is there", async () => {
    lab.write("planted", Buffer.from(secrets.password).toString("hex"));
    expect(found(await lab.main(inputs()))).toEqual([`work/planted: ${secrets.password}`]);
  });

  test("nothing is given out by default, and every value is masked", async () => {
    const ended = await lab.main(inputs());
    expect(ended.code, ended.log).toBe(0);
    expect(found(ended)).toEqual([]);
    expect(ended.masks).toEqual(expect.arrayContaining([...Object.values(secrets).map(String), ...inner]));
  });

  test("masks come before anything else", async () => {
    const ended = await lab.main(inputs({ keys: "app.password", export: "env" }), { RUNNER_DEBUG: "1" });
    const lines = ended.raw.split("\n").filter(Boolean);
    const last = lines.findLastIndex((line) => line.startsWith("::add-mask::"));
    expect(lines.slice(0, last + 1).every((line) => line.startsWith("::add-mask::"))).toBe(true);
  });

  test("a variable is in the file of variables, and nowhere else", async () => {
    const ended = await lab.main(inputs({ keys: "app.password as PW", export: "env" }));
    expect(found(ended)).toEqual([`commands/env: ${secrets.password}`]);
    expect(found(await lab.post())).toEqual([]);
  });

  test("an output is in the file of outputs, and nowhere else", async () => {
    const ended = await lab.main(inputs({ keys: "app.password as pw", export: "outputs" }));
    expect(found(ended)).toEqual([`commands/output: ${secrets.password}`]);
  });

  test("a file holds what was picked until the post step, and nothing stays", async () => {
    const ended = await lab.main(inputs({ keys: "app.url as URL", export: "file", "output-format": "dotenv" }));
    expect(new Set(found(ended).map((place) => place.split(": ")[0]?.replace(/goatnote-sops-[^/]+/, "x")))).toEqual(
      new Set(["temp/x/secrets.env"]),
    );
    expect(found(await lab.post())).toEqual([]);
  });

  describe.each(["main", "exec"] as const)("%s leaves nothing when it fails:", (entry) => {
    const start = (more: Record<string, string>, env: Record<string, string> = {}) =>
      entry === "main" ? lab.main(inputs(more), env) : lab.exec(inputs({ run: "true", ...more }), env);

    test.each<[string, Record<string, string>]>([
      ["a key that does not fit", { "age-key": "OTHER" }],
      ["a key that is broken", { "age-key": "BROKEN" }],
      ["no such file", { files: "nothing.json" }],
      ["no such key", { keys: "app.no-such" }],
      ["a name for several values", { keys: "app as X" }],
      ["a name that is not allowed", { keys: "app.password as 1-X", ...(entry === "main" && { export: "env" }) }],
      [
        "a variable that steers programs",
        { keys: "app.password as LD_PRELOAD", ...(entry === "main" && { export: "env" }) },
      ],
      [
        "a secret that is too short",
        { "min-mask-length": "64", keys: "app.password as X", ...(entry === "main" && { export: "env" }) },
      ],
      ["another format", { format: "yaml" }],
      ["a format that is wrong", { format: "dotenv" }],
      ["a file that is too large", { "max-file-size": "10" }],
      ["a wrong input", { case: "random" }],
      ["an input that is not there", { "age-kye": "KEY" }],
    ])("%s", async (name, more) => {
      const given =
        more["age-key"] === "OTHER"
          ? other.identity
          : more["age-key"] === "BROKEN"
            ? key.identity.slice(0, -3)
            : key.identity;
      const real = { ...more, "age-key": given, ...(more["age-kye"] && { "age-kye": key.identity }) };
      const ended = await start(real, { RUNNER_DEBUG: "1" });
      if (name !== "another format") expect(ended.code, ended.log).toBe(1);
      expect(found(ended, [...all(), key.identity.slice(0, -3), key.identity.slice(20, 50)])).toEqual([]);
      await lab.post(entry === "main" ? "post" : "exec/post");
      expect([...lab.files().keys()].filter((path) => path.startsWith("temp/"))).toEqual([]);
    });

    test("a value that was changed", async () => {
      const text = lab.encrypt("secrets.json", content, key.recipient).toString();
      lab.write(
        "secrets.json",
        text.replace(/data:(.)/, (_, first) => `data:${first === "A" ? "B" : "A"}`),
      );
      const ended = await start({}, { RUNNER_DEBUG: "1" });
      expect(ended.log).toContain("does not authenticate");
      expect(found(ended)).toEqual([]);
    });
  });

  test("when the file cannot be written, nothing of it stays", async () => {
    const ended = await lab.main(inputs({ export: "file", "output-file": "out.json" }));
    expect(ended.log).toContain("git does not ignore out.json");
    expect(found(ended)).toEqual([]);
  });

  test.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)(
    "%s at any moment leaves nothing after the post step",
    async (signal) => {
      for (const after of [0, 60, 120, 180, 240, 300, 400]) {
        const { child, ended } = lab.start("main", inputs({ export: "file", "output-format": "yaml" }));
        await delay(after);
        child.kill(signal);
        const stopped = await ended;
        expect(found({ ...stopped, log: stopped.log }).filter((place) => !place.startsWith("temp/"))).toEqual([]);
        expect(found(await lab.post()), `${signal} after ${after} ms`).toEqual([]);
      }
    },
  );

  test("a script that is killed leaves nothing, and ends as it was told", async () => {
    const { child, ended } = lab.start(
      "exec/main",
      inputs({ keys: "app.password as PW", run: "echo ready\nexec sleep 60" }),
    );
    await new Promise<void>((resolve) =>
      child.stdout?.on("data", (chunk) => String(chunk).includes("ready") && resolve()),
    );
    child.kill("SIGTERM");
    const stopped = await ended;
    expect([stopped.code, stopped.signal]).toEqual([143, null]);
    expect(found(stopped)).toEqual([]);
    await lab.post("exec/post");
    expect([...lab.files().keys()].filter((path) => path.startsWith("temp/"))).toEqual([]);
  });
});
