/**
 * Hundreds of generated files against the real `sops`, both ways: what it encrypts is decrypted here to the same values, what
 * is encrypted here it decrypts, and what it refuses after an edit is refused here.
 */
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  ageOpener,
  type DecryptedFile,
  decryptFile,
  type EncryptedFile,
  emit,
  type Format,
  formats,
  type Leaf,
  leavesOf,
  type Node,
  openDataKey,
  parseIdentities,
  readDocuments,
  readEncrypted,
  SopsError,
  withMerges,
} from "@goatnote/sops-file";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readRegularYaml } from "../../packages/sops-file/src/yaml-regular.ts";
import { readYaml } from "../../packages/sops-file/src/yaml-store.ts";
import { describeWithPeer } from "../peers.ts";
import { content, edit, Random, rule, type Store } from "./generate.ts";
import { ageKey } from "./lab.ts";
import { reEncrypt } from "./re-encrypt.ts";

const filesPerVersion = Number(process.env.SOPS_MATRIX_FILES ?? 250);
const run = promisify(execFile);
const extension: Record<Store, string> = { yaml: "yaml", json: "json", dotenv: "env", ini: "ini", binary: "bin" };
const kinds = ["x25519", "post-quantum", "ssh-ed25519", "ssh-rsa", "two", "groups"] as const;

/** A set of recipients, and the keys that open what is encrypted for them. */
interface Keys {
  recipients: string[][];
  identities: string[];
}

let folder: string;
const keys = {} as Record<(typeof kinds)[number], Keys>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sops-matrix-"));
  const [a, b, c, pq] = [await ageKey(), await ageKey(), await ageKey(), await ageKey("post-quantum")];
  const ssh = (type: string): Keys => {
    const file = join(folder, type);
    execFileSync("ssh-keygen", [
      "-q",
      "-t",
      type,
      "-N",
      "",
      "-C",
      "",
      "-f",
      file,
      ...(type === "rsa" ? ["-b", "2048"] : []),
    ]);
    return { recipients: [[readFileSync(`${file}.pub`, "utf8").trim()]], identities: [readFileSync(file, "utf8")] };
  };
  keys.x25519 = { recipients: [[a.recipient]], identities: [a.identity] };
  keys["post-quantum"] = { recipients: [[pq.recipient]], identities: [pq.identity] };
  keys["ssh-ed25519"] = ssh("ed25519");
  keys["ssh-rsa"] = ssh("rsa");
  keys.two = { recipients: [[a.recipient, b.recipient]], identities: [b.identity] };
  keys.groups = { recipients: [[a.recipient], [b.recipient], [c.recipient]], identities: [c.identity, a.identity] };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const withoutComments = (node: Node): unknown =>
  node.kind === "map"
    ? node.items.filter(({ key }) => key !== null).map(({ key, value }) => [key, withoutComments(value)])
    : node.kind === "seq"
      ? ["list", ...node.items.filter(({ kind }) => kind !== "comment").map(withoutComments)]
      : node;

/** Before 3.13.2 every number of a JSON file is a float, and JSON does not tell 1 from 1.0. */
const comparable = (leaves: Leaf[]): Leaf[] =>
  leaves.map((leaf) =>
    leaf.value.kind === "int" ? { ...leaf, value: { kind: "float", number: Number(leaf.value.text) } } : leaf,
  );

describe.each(["sops", "sops-3.13.1"])("%s", (version) => {
  describeWithPeer(version, (sops) => {
    /** Runs the tool; null when it refuses. */
    const tool = async (args: string[], { identities }: Keys): Promise<Buffer | null> => {
      const ssh = identities.find((identity) => identity.includes("PRIVATE KEY"));
      const file = join(
        folder,
        `ssh-${createHash("sha256")
          .update(ssh ?? "")
          .digest("hex")}`,
      );
      if (ssh && !existsSync(file)) writeFileSync(file, ssh, { mode: 0o600 });
      const env = {
        PATH: process.env.PATH,
        HOME: folder,
        // It ends before there is garbage enough to be worth a collection, which would cost a quarter of its time.
        GOGC: "off",
        ...(ssh ? { SOPS_AGE_SSH_PRIVATE_KEY_FILE: file } : { SOPS_AGE_KEY: identities.join("\n") }),
      };
      try {
        const options = { env, cwd: folder, encoding: "buffer" as const, maxBuffer: 1e8 };
        return (await run(sops, args, options)).stdout;
      } catch (error) {
        if ((error as { code?: unknown }).code === undefined || typeof (error as { code?: unknown }).code !== "number")
          throw error;
        return null;
      }
    };

    const ours = async (bytes: Uint8Array, format: Format, { identities }: Keys) => {
      const file = await readEncrypted(bytes, format);
      const offered = await parseIdentities(identities.join("\n"));
      const dataKey = await openDataKey(file.metadata, { age: ageOpener(offered) }, []);
      return { file, dataKey, decrypted: await decryptFile(file, dataKey) };
    };

    /** What the tool prints of a file, beside what we make of it, both as values with their paths. */
    const compare = async (file: EncryptedFile, decrypted: DecryptedFile, printed: Buffer): Promise<void> => {
      if (file.format === "binary") expect(emit(decrypted.documents, "binary", "binary")).toEqual(printed);
      else {
        const documents = await readDocuments(printed, file.format);
        const meant = file.format === "yaml" ? withMerges(documents) : documents;
        expect(comparable(leavesOf(decrypted.documents))).toEqual(comparable(leavesOf(meant)));
      }
    };

    const one = async (seed: number): Promise<string[]> => {
      const random = new Random(seed + (version === "sops" ? 0 : 1_000_000));
      const format = formats[seed % formats.length]!;
      const owned = keys[kinds[Math.floor(seed / formats.length) % kinds.length]!];
      const path = join(folder, `${version}-${seed}.${extension[format]}`);
      const options = rule(format, random);
      const groups = owned.recipients.map((group) => ({ age: group }));
      const config = join(folder, `${version}-${seed}.sops.yaml`);
      writeFileSync(
        config,
        JSON.stringify({
          creation_rules: [{ ...options, key_groups: groups, ...(groups.length > 1 && { shamir_threshold: 2 }) }],
        }),
      );
      writeFileSync(path, content(format, random));
      const encrypted = await tool(["--config", config, "encrypt", path], owned);
      // What the tool does not take (such as a comment that it would not find again) says nothing about us.
      if (encrypted === null) return ["not encrypted"];
      writeFileSync(path, encrypted);
      const printed = await tool(["decrypt", path], owned);
      const at = `seed ${seed}: ${format} ${JSON.stringify(options)}`;
      if (printed === null) {
        // 3.13.2 cannot read back what it wrote where a comment in a list is encrypted; 3.13.1 can, and so do we.
        expect(encrypted.toString(), at).toMatch(/^\s*- (?:#|ENC\[.*type:comment)/m);
        return ["not read by the tool itself"];
      }
      const { file, dataKey, decrypted } = await ours(encrypted, format, owned).catch((error) => {
        throw new Error(`${at}: ${error}\n${encrypted}`);
      });
      await compare(file, decrypted, printed);
      const regular = format === "yaml" ? readRegularYaml(encrypted.toString()) : undefined;
      if (regular)
        expect(regular.map(withoutComments), at).toEqual(readYaml(encrypted.toString()).map(withoutComments));

      writeFileSync(path, await reEncrypt(encrypted, format, dataKey));
      expect((await tool(["decrypt", path], owned))?.toString("latin1"), at).toBe(printed.toString("latin1"));

      const edited = Buffer.from(edit(encrypted.toString(), random));
      writeFileSync(path, edited);
      const [theirs, own] = [
        await tool(["decrypt", path], owned),
        await ours(edited, format, owned).catch((error) => error as Error),
      ];
      if (own instanceof Error) {
        if (!(own instanceof SopsError)) throw new Error(`${at}: ${own.stack}`);
        return [theirs === null ? "edit refused by both" : "edit refused here only"];
      }
      if (theirs === null) throw new Error(`${at}: an edit that the tool refuses is accepted.\n${edited}`);
      await compare(own.file, own.decrypted, theirs);
      return ["edit without effect"];
    };

    test(`${filesPerVersion} files, both ways, and an edit of each`, { timeout: 1_200_000 }, async () => {
      const seeds = Array.from({ length: filesPerVersion }, (_, i) => i);
      const outcomes: Record<string, number> = {};
      const worker = async (): Promise<void> => {
        for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift())
          for (const outcome of await one(seed)) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      };
      await Promise.all([worker(), worker(), worker()]);
      console.log(version, JSON.stringify(outcomes));
      expect(outcomes["edit refused by both"]).toBeGreaterThan(filesPerVersion / 2);
      expect(outcomes["not encrypted"] ?? 0).toBeLessThan(filesPerVersion / 10);
    });
  });
});
