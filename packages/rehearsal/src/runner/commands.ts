import type { Annotation, JobLog } from "./log.ts";

/**
 * `::name key=value,key=value::message` begins a line; the older `##[name key=value;key=value]message` is a command
 * anywhere in it. https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
 */
const forms = [
  { form: /^\s*::([a-z-]+)(?: ([^:]*(?::(?!:)[^:]*)*))?::(.*)$/i, separator: "," },
  { form: /##\[([a-z-]+)(?: ([^\]]*))?\](.*)$/i, separator: ";" },
];

/** Reads workflow commands from what a step prints. https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions */
export class CommandReader {
  readonly #log: JobLog;
  #stopToken: string | null = null;
  /** Set when the step used a command that GitHub has switched off or that is not supported here. */
  refused: string | null = null;

  constructor(log: JobLog) {
    this.#log = log;
  }

  /** Takes one printed line: into the log, or as a command. */
  line(text: string): void {
    if (this.#stopToken !== null) {
      if (text.trim() === `::${this.#stopToken}::`) this.#stopToken = null;
      this.#log.line(text);
    } else if (
      !forms.some(({ form, separator }) => {
        const [, name = "", where = "", message = ""] = form.exec(text) ?? [];
        return this.#run(name.toLowerCase(), properties(where, separator), unescaped(message));
      })
    ) {
      this.#log.line(text);
    }
  }

  #run(name: string, where: Record<string, string>, message: string): boolean {
    switch (name) {
      case "error":
      case "warning":
      case "notice":
        this.#log.annotate({ kind: name, message, ...placed(where) });
        return true;
      case "debug":
        return true;
      case "group":
        this.#log.line(`##[group]${message}`);
        return true;
      case "endgroup":
        this.#log.line("##[endgroup]");
        return true;
      case "add-mask":
        this.#log.mask(message);
        this.#log.line("::add-mask::***");
        return true;
      case "stop-commands":
        this.#stopToken = message.trim();
        return true;
      case "echo":
      case "add-matcher":
      case "remove-matcher":
        return true;
      case "set-output":
      case "save-state":
      case "set-env":
      case "add-path":
        this.refused = `The command ::${name}:: is switched off; write to the file that GitHub names in the environment.`;
        return true;
      default:
        return false;
    }
  }
}

function placed({ file, line, title }: Record<string, string>): Partial<Annotation> {
  return { ...(file ? { file } : {}), ...(line ? { line: Number(line) } : {}), ...(title ? { title } : {}) };
}

function properties(source: string, separator: string): Record<string, string> {
  const pairs = source.split(separator).map((pair) => pair.trim().split(/=(.*)/s) as [string, string | undefined]);
  return Object.fromEntries(
    pairs.map(([key, value]) => [
      key,
      unescaped(value ?? "")
        .replace(/%3A/gi, ":")
        .replace(/%2C/gi, ","),
    ]),
  );
}

function unescaped(text: string): string {
  return text.replace(/%(25|0D|0A)/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
