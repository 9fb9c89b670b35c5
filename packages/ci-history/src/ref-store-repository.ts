/** What a ref store asks of git: a private bare repository that holds the newest commit of one ref, and no file. */
import { HistoryError } from "./checks.ts";
import { type PushOutcome, pushOutcome, readFailure } from "./ref-store-answers.ts";
import { MAX_SEGMENT_BYTES } from "./segment.ts";
import { isStoreFolder, isStorePath } from "./store.ts";

/** How git ended, and what it wrote; `stderr` holds no secret. */
export interface GitAnswer {
  code: number | null;
  stdout: Uint8Array;
  stderr: string;
}

/**
 * Runs git on the private repository, which is `GIT_DIR`, in English, without hooks, prompts and the user's
 * configuration, and with what the remote asks for as credentials. Rejects only where git cannot be run at all.
 */
export type Git = (args: readonly string[], input?: string | Uint8Array) => Promise<GitAnswer>;

/** A file that is to be part of the next commit. */
export interface NewFile {
  path: string;
  bytes: Uint8Array;
}

/** A file of the store: its path, and the id of its blob. */
export interface StoredFile {
  path: string;
  blob: string;
}

const REMOTE = "store";
const TIP = "refs/store/tip";
const FETCH = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no"];
// Contents that are held at once, and arguments that fit on every system's command line.
const MOST_BYTES_AT_ONCE = 2 * MAX_SEGMENT_BYTES;
const MOST_PATHS_AT_ONCE = 200;

/** The private repository. Every method that asks the remote throws HistoryError where the remote does not answer. */
export class RefRepository {
  readonly #git: Git;
  readonly #url: string;
  readonly #ref: string;
  #made: Promise<void> | undefined;
  #missing = new Set<string>();

  constructor(git: Git, url: string, ref: string) {
    this.#git = git;
    this.#url = url;
    this.#ref = ref;
  }

  /** Gets the newest commit, without its past and without the files' contents. Null where there is no such ref. */
  async fetchTip(): Promise<string | null> {
    this.#made ??= this.#make();
    await this.#made;
    for (let attempt = 1; ; attempt += 1) {
      const fetched = await this.#git([...FETCH, "--depth=1", "--filter=blob:none", REMOTE, `+${this.#ref}:${TIP}`]);
      if (fetched.code === 0) return (await this.#text(["rev-parse", "--verify", `${TIP}^{commit}`])).trim();
      // The answer is the exit code, since what git writes about a ref that is not there changes with its version.
      const asked = await this.#git(["ls-remote", "--exit-code", REMOTE, this.#ref]);
      if (asked.code === 2) return null;
      // The first writer may have made the ref between the two questions.
      if (asked.code !== 0 || attempt === 2) throw readFailure(this.#ref, asked.code === 0 ? fetched : asked);
    }
  }

  async #make(): Promise<void> {
    await this.#text(["init", "--quiet", "--bare", "--template="]);
    await this.#text(["config", `remote.${REMOTE}.url`, this.#url]);
  }

  /**
   * The files of the store in a commit. All else that lies there is passed over: other paths, symbolic links,
   * submodules. Folders are listed one by one, so that no nest of folders makes the list long.
   */
  async files(commit: string): Promise<StoredFile[]> {
    let files: Entry[] = [];
    for (let folders = ["v1"]; folders.length > 0; ) {
      const below = await this.#listed(
        commit,
        folders.map((path) => `${path}/`),
      );
      files = files.concat(below);
      folders = below.flatMap(({ mode, path }) => (mode === "040000" && isStoreFolder(path) ? path : []));
    }
    return storedFiles(files);
  }

  /** As {@link files}, only those at the given paths. */
  async filesAt(commit: string, paths: readonly string[]): Promise<StoredFile[]> {
    return storedFiles(await this.#listed(commit, paths));
  }

  async #listed(commit: string, paths: readonly string[]): Promise<Entry[]> {
    let entries: Entry[] = [];
    for (let i = 0; i < paths.length; i += MOST_PATHS_AT_ONCE) {
      const some = paths.slice(i, i + MOST_PATHS_AT_ONCE);
      const text = await this.#text(["ls-tree", "-z", "--full-tree", commit, "--", ...some]);
      entries = entries.concat(text.split("\0").filter(Boolean).map(parseEntry));
    }
    return entries;
  }

  /** Notes which contents of a commit are not here. Asking git for one of those would fetch each on its own. */
  async noteMissing(commit: string): Promise<void> {
    const objects = await this.#text(["rev-list", "--objects", "--missing=print", "--no-object-names", commit]);
    this.#missing = new Set(objects.split("\n").flatMap((line) => (line.startsWith("?") ? [line.slice(1)] : [])));
  }

  /**
   * The contents of blobs, fetched at once. Those at the end may be left out, so that little is in memory; the first
   * is always there, or the reason why not.
   */
  async contents(blobs: readonly string[]): Promise<Map<string, Buffer | HistoryError>> {
    await this.#fetchMissing(blobs);
    const contents = new Map<string, Buffer | HistoryError>();
    const wanted: string[] = [];
    let sum = 0;
    for (const line of (await this.#text(["cat-file", "--batch-check"], asLines(blobs))).trim().split("\n")) {
      const [blob = "", type, digits] = line.split(" ");
      const size = Number(digits);
      const isTooLarge = size > MAX_SEGMENT_BYTES;
      if (type !== "blob") contents.set(blob, new HistoryError("the host does not give its content."));
      else if (isTooLarge) contents.set(blob, new HistoryError(`it is larger than ${MAX_SEGMENT_BYTES >> 20} MiB.`));
      else if (sum + size > MOST_BYTES_AT_ONCE) break;
      else {
        sum += size;
        wanted.push(blob);
      }
    }
    if (wanted.length === 0) return contents;
    const answer = await this.#asked(["cat-file", "--batch"], asLines(wanted));
    for (const [blob, bytes] of parseBatch(Buffer.from(answer.stdout))) contents.set(blob, bytes);
    return contents;
  }

  async #fetchMissing(blobs: readonly string[]): Promise<void> {
    const missing = blobs.filter((blob) => this.#missing.has(blob));
    if (missing.length === 0) return;
    const args = ["-c", "fetch.negotiationAlgorithm=noop", ...FETCH, "--filter=blob:none", "--stdin", REMOTE];
    const fetched = await this.#git(args, asLines(missing));
    if (fetched.code !== 0) throw readFailure(this.#ref, fetched);
    for (const blob of missing) this.#missing.delete(blob);
  }

  /** A commit that adds files to `parent`; nothing outside the private repository changes. */
  async commit(parent: string | null, files: readonly NewFile[], seconds: number): Promise<string> {
    const message = Buffer.from(files.length === 1 ? `Add ${files[0]!.path}\n` : `Add ${files.length} files\n`);
    const author = `ci-history <ci-history@localhost> ${seconds} +0000`;
    const stream = Buffer.concat([
      Buffer.from(`commit refs/store/next\nmark :1\ncommitter ${author}\ndata ${message.length}\n`),
      message,
      Buffer.from(parent === null ? "\n" : `\nfrom ${parent}\n`),
      ...files.flatMap(({ path, bytes }) => [
        Buffer.from(`M 100644 inline ${path}\ndata ${bytes.length}\n`),
        bytes,
        Buffer.from("\n"),
      ]),
      Buffer.from("get-mark :1\ndone\n"),
    ]);
    return (await this.#text(["fast-import", "--quiet", "--force", "--done"], stream)).trim();
  }

  /** Makes `commit` the ref's, if the ref still is at `tip` (null: if it does not exist). */
  async push(tip: string | null, commit: string): Promise<PushOutcome> {
    const lease = `--force-with-lease=${this.#ref}:${tip ?? ""}`;
    const flags = ["--quiet", "--porcelain", "--no-verify", "--recurse-submodules=no"];
    return pushOutcome(await this.#git(["push", ...flags, lease, REMOTE, `${commit}:${this.#ref}`]));
  }

  async #text(args: readonly string[], input?: string | Uint8Array): Promise<string> {
    // Paths of a store are ASCII; others stay distinct from them.
    return Buffer.from((await this.#asked(args, input)).stdout).toString("latin1");
  }

  async #asked(args: readonly string[], input?: string | Uint8Array): Promise<GitAnswer> {
    const answer = await this.#git(args, input);
    if (answer.code !== 0) throw readFailure(this.#ref, answer);
    return answer;
  }
}

interface Entry {
  mode: string;
  path: string;
  object: string;
}

// https://git-scm.com/docs/git-ls-tree#_output_format
function parseEntry(line: string): Entry {
  const tab = line.indexOf("\t");
  const [mode = "", , object = ""] = line.slice(0, tab).split(" ");
  return { mode, object, path: line.slice(tab + 1) };
}

const storedFiles = (entries: Entry[]): StoredFile[] =>
  entries
    .filter(({ mode, path }) => mode.startsWith("100") && isStorePath(path))
    .map(({ path, object }) => ({ path, blob: object }));

const asLines = (names: readonly string[]): string => names.map((name) => `${name}\n`).join("");

// https://git-scm.com/docs/git-cat-file#_batch_output
function* parseBatch(output: Buffer): Generator<[string, Buffer]> {
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf("\n", at);
    const [blob = "", , size] = output.toString("latin1", at, end).split(" ");
    yield [blob, output.subarray(end + 1, end + 1 + Number(size))];
    at = end + 1 + Number(size) + 1;
  }
}
