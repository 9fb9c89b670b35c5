/** Reads a manifest that somebody else may have written. Whatever is not exactly a manifest is refused. */
import { UserError } from "@goatnote/action-io";
import { digestOf, type Entry, type Manifest, schema } from "./manifest.ts";

const mostEntries = 500_000;
const longestText = 4096;

type Fields = Record<string, unknown>;

/**
 * A manifest from its text.
 * @param name of the file, for messages
 * @throws UserError when it is not a manifest, or is not the one its digest stands for
 */
export function decodeManifest(text: string, name: string): Manifest {
  const refuse = (why: string): never => {
    throw new UserError(`${name} is not a manifest of repro-check: ${why}.`);
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    refuse("it is not JSON");
  }
  const object = (part: unknown, what: string, names: readonly string[]): Fields => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return refuse(`${what} is not an object`);
    const strange = Object.keys(part).find((key) => !names.includes(key));
    if (strange !== undefined) refuse(`${what} has the unknown field ${JSON.stringify(strange.slice(0, 40))}`);
    return part as Fields;
  };
  const string = (part: Fields, key: string, allowed: RegExp): string => {
    const found = part[key];
    if (typeof found !== "string" || found.length > longestText || !allowed.test(found))
      return refuse(`the field ${key} is missing or not allowed`);
    return found;
  };

  const head = object(value, "it", ["schema", "digest", "environment", "inputs", "entries"]);
  if (head.schema !== schema) refuse(`its schema is not ${schema}`);
  const where = object(head.environment, "environment", [
    "platform",
    "arch",
    "release",
    "image",
    "machine",
    "built_at",
  ]);
  const environment = {
    platform: string(where, "platform", /^[a-z0-9]{1,20}$/),
    arch: string(where, "arch", /^[a-z0-9_]{1,20}$/),
    release: string(where, "release", /^[^\p{Cc}]{0,200}$/u),
    image: string(where, "image", /^[^\p{Cc}]{0,200}$/u),
    machine: string(where, "machine", digest),
    built_at: string(where, "built_at", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  };
  const from = object(head.inputs, "inputs", ["commit", "changes", "script"]);
  const inputs = {
    commit: string(from, "commit", /^([0-9a-f]{40}|[0-9a-f]{64})?$/),
    changes: string(from, "changes", optionalDigest),
    script: string(from, "script", optionalDigest),
  };
  if (!Array.isArray(head.entries) || head.entries.length > mostEntries)
    return refuse(`its entries are not a list of at most ${mostEntries}`);

  let before: string | undefined;
  const entries = head.entries.map((part: unknown): Entry => {
    const { type } = object(part, "an entry", allFields);
    if (type !== "file" && type !== "directory" && type !== "link")
      return refuse("an entry is neither file, directory nor link");
    // What its type does not have is in no digest.
    const entry = object(part, `a ${type}`, fieldsOf[type]);
    const path = string(entry, "path", /./s);
    if (!isRelative(path)) refuse(`the path ${JSON.stringify(path.slice(0, 80))} leads out of its folder`);
    if (before !== undefined && before >= path) refuse("its paths are not sorted, or one is there twice");
    before = path;
    if (type === "link") return { path, type: "link", target: string(entry, "target", /^[^\0]*$/) };
    const mode = string(entry, "mode", /^[0-7]{4}$/);
    if (type === "directory") return { path, type: "directory", mode };
    const { size, executable } = entry;
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || typeof executable !== "boolean")
      return refuse("a file has no size or executable bit");
    return { path, type: "file", size, sha256: string(entry, "sha256", /^[0-9a-f]{64}$/), executable, mode };
  });
  if (head.digest !== digestOf(entries)) refuse("its digest is not that of its entries");
  return { schema, digest: digestOf(entries), entries, environment, inputs };
}

const fieldsOf: Record<Entry["type"], readonly string[]> = {
  file: ["path", "type", "size", "sha256", "executable", "mode"],
  directory: ["path", "type", "mode"],
  link: ["path", "type", "target"],
};
const allFields = [...new Set(Object.values(fieldsOf).flat())];

const digest = /^sha256:[0-9a-f]{64}$/;
const optionalDigest = /^(sha256:[0-9a-f]{64})?$/;

/** Without a root, a drive, a backslash that some system takes for a slash, or a step up. */
const isRelative = (path: string): boolean =>
  !path.startsWith("/") &&
  !/^[A-Za-z]:|\\|\0/.test(path) &&
  path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
