/** What a job says: its log with secrets masked, its annotations and its summary. */
export interface Annotation {
  kind: "error" | "warning" | "notice";
  message: string;
  file?: string;
  line?: number;
  title?: string;
}

const perKindAndStep = 10;
const longestMessage = 4096;
const summaryLimit = 1024 * 1024;

export class JobLog {
  readonly annotations: Annotation[] = [];
  readonly #lines: string[] = [];
  readonly #summary: string[] = [];
  readonly #masks = new Set<string>();
  readonly #onLine: (line: string) => void;
  #ordered: string[] | null = null;
  #counts: Record<string, number> = {};

  constructor(onLine: (line: string) => void = () => {}) {
    this.#onLine = onLine;
  }

  /** From now on this value, each of its lines, and its base64, JSON and URI forms read `***`. */
  mask(value: string): void {
    const lines = value.split(/\r?\n/).map((line) => line.trim());
    for (const secret of new Set([value, ...lines].filter((each) => each.trim() !== ""))) {
      this.#masks.add(secret);
      this.#masks.add(JSON.stringify(secret).slice(1, -1));
      this.#masks.add(encodeURIComponent(secret));
      this.#masks.add(Buffer.from(secret).toString("base64"));
    }
    this.#ordered = null;
  }

  /** The text with every known secret masked, the longest first. */
  masked(text: string): string {
    this.#ordered ??= [...this.#masks].sort((a, b) => b.length - a.length);
    return this.#ordered.reduce((result, secret) => result.replaceAll(secret, "***"), text);
  }

  line(text: string): void {
    const line = this.masked(text);
    this.#lines.push(line);
    this.#onLine(line);
  }

  /** GitHub counts annotations per step. */
  beginStep(): void {
    this.#counts = {};
  }

  annotate({ kind, message, ...where }: Annotation): void {
    this.line(`##[${kind}]${message}`);
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
    if (this.#counts[kind] > perKindAndStep) return;
    this.annotations.push({ kind, message: this.masked(message).slice(0, longestMessage), ...where });
  }

  /** Adds a step's summary; one above 1 MiB is dropped with an error, as GitHub does. */
  summarize(markdown: string): void {
    const size = Buffer.byteLength(markdown);
    if (size > summaryLimit)
      this.annotate({
        kind: "error",
        message: `$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k, got ${Math.ceil(size / 1024)}k.`,
      });
    else if (markdown !== "") this.#summary.push(this.masked(markdown));
  }

  get text(): string {
    return this.#lines.map((line) => `${line}\n`).join("");
  }

  get summary(): string {
    return this.#summary.join("\n");
  }
}
