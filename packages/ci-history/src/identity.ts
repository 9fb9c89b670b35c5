/**
 * The identity of a test: one line of text, `file-or-module|class path|name`, that is the same in every run, on every
 * machine and under every runner version that names the test alike. Parameters and variant are beside it, not in it.
 *
 * Inside a field `|` and `\` are escaped by a backslash, line feed and carriage return are `\n` and `\r`, other control
 * characters `\u001b`. The parts of the class path are joined by ` > `, a `>` inside a part is `\>`.
 */

/** What names a test. `file` wins over `module`; both may be missing. */
export interface TestParts {
  /** Where the test is written; absolute paths lose the workspace prefix. */
  file?: string | null;
  /** What the runner names instead of a file: a Go package, a binary. */
  module?: string | null;
  /** Classes or describe blocks, outermost first. */
  classPath?: readonly string[];
  name: string;
}

/** What an id says. `file` holds the module where no file was known, and is null where neither was. */
export interface ParsedTestId {
  file: string | null;
  classPath: string[];
  name: string;
}

/** Checkouts of hosted and self-hosted runners and of container jobs; the repository's name stands there twice. */
const workspaces =
  /(?:\/home\/runner\/work|\/Users\/runner\/work|\/(?:[\w.-]+\/)*_work|\/__w|[A-Za-z]:\/(?:a|_work))\/([\w.-]+)\/\1\/|\/github\/workspace\//g;
/** For paths, which may be long: looked for everywhere, a path of many folders would take time by its square. */
const workspaceAtStart = new RegExp(`^(?:${workspaces.source})`);

/**
 * A path as the history writes it: forward slashes, relative to the repository where it lies in one, NFC.
 * @param root the workspace, absolute; other runners' usual workspaces are stripped without being told.
 */
export function normalisePath(path: string, root = ""): string {
  let text = path.replaceAll("\\", "/").replace(/^file:\/\/(?=\/)/, "");
  const base = root.replaceAll("\\", "/").replace(/\/+$/, "");
  if (base !== "" && text.startsWith(`${base}/`)) text = text.slice(base.length + 1);
  else if (text.startsWith("/") || /^[A-Za-z]:\//.test(text)) {
    text = text.replace(workspaceAtStart, "");
  }
  const absolute = text.startsWith("/");
  const kept: string[] = [];
  for (const part of text.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else kept.push(part);
  }
  return wellFormed((absolute ? "/" : "") + kept.join("/"));
}

/** Lone surrogates do not survive UTF-8, so that they cannot be part of an identity. */
function wellFormed(text: string): string {
  return /[^\x00-\x7f]/.test(text) ? text.toWellFormed().normalize("NFC") : text;
}

const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;
const timestamp = /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?|\b1[6-9]\d{11}\b/g;
/** `at 0x7f…` of Python's repr, bare pointers of 48 bits, `Type@1b6d3586` of Java's toString. */
const address =
  /(?<=\bat )0x[0-9a-f]{4,16}\b|\b0x(?:0000)?[0-9a-f]{11,12}\b|(?<=[A-Z]\w*|;)@(?=[a-f]*\d)[0-9a-f]{5,8}\b/gi;
const temporary =
  /((?:\/private)?\/(?:var\/tmp|tmp|var\/folders\/\w+\/\w+\/T)|[A-Za-z]:[\\/]Users[\\/][^\\/\s]+[\\/]AppData[\\/]Local[\\/]Temp)((?:[\\/][\w.+~-]+)+)/g;
/** What mktemp, mkdtemp, tempfile, pytest and Go append to make a name unique. */
const random =
  /^(?:tmp[a-z0-9_]{8}|pytest-of-[\w.-]+|pytest-\d+|.*[.-](?=[A-Za-z]*[A-Z\d])[A-Za-z0-9]{6}(?:[A-Za-z0-9]{2,6})?|\D*\d{6,})$/;
/** Cheap: names without any of these hold nothing that the expressions above could match. */
const suspicious =
  /0x|@|\d:\d|1\d{12}|-[0-9a-f]{4}-|[/\\](?:tmp|T|Temp)[/\\]|\/work\/|_w(?:ork)?\/|\/workspace\/|:[/\\]a[/\\]/i;

/**
 * A name without what differs from run to run: addresses, temporary and workspace paths, UUIDs and times become
 * `<address>`, `<tmp>`, `<uuid>`, `<time>`. Two tests that differ only in these get one name; the reader of reports
 * tells them apart by ordinal parameters, and constants (a short hex number, a date, `/tmp/data.csv`) are left alone.
 */
export function stableName(name: string, root = ""): string {
  let text = wellFormed(name);
  if (root !== "" && root !== "/") text = text.replaceAll(root.endsWith("/") ? root : `${root}/`, "");
  if (!suspicious.test(text)) return text;
  return text
    .replace(workspaces, "")
    .replace(temporary, (_all, base: string, rest: string) => {
      const parts = rest.slice(1).split(/[\\/]/);
      const stable = parts.map((part) => (random.test(part) ? "<tmp>" : part));
      return stable.includes("<tmp>") ? stable.slice(stable.lastIndexOf("<tmp>")).join("/") : base + rest;
    })
    .replace(uuid, "<uuid>")
    .replace(timestamp, "<time>")
    .replace(address, (found) => (found.startsWith("@") ? "@<address>" : "<address>"));
}

const escapes: Record<string, string> = { "|": "\\|", "\\": "\\\\", "\n": "\\n", "\r": "\\r", ">": "\\>" };
const unescapes: Record<string, string> = { n: "\n", r: "\r" };

function escapeWith(pattern: RegExp, text: string): string {
  return text.replace(pattern, (char) => escapes[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
const escapeField = (text: string) => escapeWith(/[|\\\x00-\x1f\x7f-\x9f\u2028\u2029]/g, text);
const escapeClass = (text: string) => escapeWith(/[|\\>\x00-\x1f\x7f-\x9f\u2028\u2029]/g, text);
const unescapeField = (text: string) =>
  text.replace(/\\(?:u([0-9a-f]{4})|(.))/gs, (_all, code: string | undefined, char: string) =>
    code === undefined ? (unescapes[char] ?? char) : String.fromCharCode(Number.parseInt(code, 16)),
  );

/** Cheap: names without any of these are the same after `stableName` (whose roots hold a `/`) and `escapeField`. */
const special = /[^\x20-\x7e]|[|\\/@:]|0x|1\d{12}|-[0-9a-f]{4}-/i;

/** Makes the ids of tests that share all but the name; `testId` for a reader of many. */
export function testIds(where: Omit<TestParts, "name">, root = ""): (name: string) => string {
  const file = where.file ? normalisePath(where.file, root) : wellFormed(where.module ?? "");
  const classes = (where.classPath ?? []).filter((part) => part !== "").map((part) => stableName(part, root));
  const prefix = [escapeField(file), classes.map(escapeClass).join(" > "), ""].join("|");
  // Joined, not added: a string of its own, that does not keep alive the text that the parts were cut from.
  return (name) => [prefix, special.test(name) ? escapeField(stableName(name, root)) : name].join("");
}

/**
 * The identity of a test.
 * @param root the workspace, absolute, whose path is stripped from file and names.
 */
export function testId(parts: TestParts, root = ""): string {
  return testIds(parts, root)(parts.name);
}

/**
 * What was put into an id, after normalisation. Total: text that `testId` did not make is a name,
 * or a file and a name when it holds one `|`.
 */
export function parseTestId(id: string): ParsedTestId {
  const fields = splitFields(id);
  const name = unescapeField(fields.at(-1)!);
  const [file = "", classes = ""] = fields.slice(0, -1);
  return {
    file: file === "" ? null : unescapeField(file),
    classPath: classes === "" ? [] : classes.split(" > ").map(unescapeField),
    name,
  };
}

/** At most three fields: a third `|` without a backslash is not ours, and belongs to the name. */
function splitFields(id: string): string[] {
  const fields: string[] = [];
  let start = 0;
  for (let i = 0; i < id.length && fields.length < 2; i++) {
    if (id[i] === "\\") i++;
    else if (id[i] === "|") {
      fields.push(id.slice(start, i));
      start = i + 1;
    }
  }
  return [...fields, id.slice(start)];
}

/** How a runner writes parameters into a name. */
export type ParamDialect = "pytest" | "junit5" | "go" | "gtest" | "none";

const paramPatterns: Record<Exclude<ParamDialect, "none" | "pytest">, RegExp> = {
  // `rows(int)[2]`, `rows(String, int)[2] a, b` and `rows{int}[2]` of Surefire and Gradle; `[2] a, b` has no name.
  junit5: /^([^([{]+(?:\([^)]*\)|\{[^}]*\})?) ?\[(\d+\](?: .*)?|[^\]]*\])$/s,
  go: /^([^/]+)\/(.*)$/s,
  gtest: /^([^/]+)\/(.*)$/s,
};

/** Parts a runner's name into the test's own name and its parameters; `param` is undefined where there are none. */
export function splitParam(name: string, dialect: ParamDialect): { name: string; param?: string } {
  if (dialect === "none") return { name };
  if (dialect === "pytest") {
    const at = name.endsWith("]") ? name.indexOf("[") : -1;
    return at > 0 ? { name: name.slice(0, at), param: name.slice(at + 1, -1) } : { name };
  }
  const match = paramPatterns[dialect].exec(name);
  if (!match) return { name };
  return { name: match[1]!, param: dialect === "junit5" ? match[2]!.replace("]", "") : match[2]! };
}
