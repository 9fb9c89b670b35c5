/** `nix build`, followed while it runs by Nix's own log in JSON: https://nix.dev/manual/nix/latest/protocols/json/ */
import { StringDecoder } from "node:string_decoder";
import { run } from "@goatnote/action-io";
import { flagsOf, lastWords, type Nix } from "./nix.ts";

/** What happens during a build, in order. */
export type BuildEvent =
  | { kind: "start"; derivation: string }
  | { kind: "log"; derivation: string; line: string }
  | { kind: "phase"; derivation: string; phase: string }
  | { kind: "stop"; derivation: string; seconds: number }
  | { kind: "substitute"; path: string; from: string }
  /** Numbers of the derivations to build. */
  | { kind: "progress"; done: number; expected: number; running: number; failed: number }
  /** A message of Nix, without colours; level 0 is an error. */
  | { kind: "message"; level: number; text: string };

/** One derivation that was built, or failed. */
export interface BuiltDerivation {
  derivation: string;
  seconds: number;
  /** The last lines of its log. */
  log: string[];
  failed: boolean;
}

export interface BuildResult {
  /** Exit code of Nix. */
  code: number | null;
  results: { derivation: string; outputs: Record<string, string> }[];
  built: BuiltDerivation[];
  substituted: { path: string; from: string }[];
  /** Messages of level error, each once. */
  errors: string[];
  seconds: number;
}

const keptLines = 50;
// activityType and resultType in https://github.com/NixOS/nix/blob/master/src/libutil/include/nix/util/logging.hh
const activity = { build: 105, builds: 104, substitute: 108 };
const result = { line: 101, phase: 104, progress: 105 };

interface Line {
  action: "start" | "stop" | "result" | "msg";
  id: number;
  type: number;
  level: number;
  fields?: (string | number)[];
  msg?: string;
  raw_msg?: string;
}

/** Reads lines of the JSON log into events. */
export function eventReader(tell: (event: BuildEvent) => void, clock: () => number = () => performance.now()) {
  const builds = new Map<number, { derivation: string; begun: number }>();
  let totals: number | undefined;
  const clean = (text: string): string => lastWords(text, Number.MAX_SAFE_INTEGER);
  const onResult = ({ id, type, fields = [] }: Line): void => {
    const build = builds.get(id);
    if (build && type === result.line) {
      const line = String(fields[0]);
      // Old generations let the handshake with the builder's process through: a byte 1, or a serialised error.
      if (!/^[\u0001\u0002]$|^\u0005\u0000/.test(line))
        tell({ kind: "log", derivation: build.derivation, line: clean(line) });
    } else if (build && type === result.phase)
      tell({ kind: "phase", derivation: build.derivation, phase: String(fields[0]) });
    else if (id === totals && type === result.progress) {
      const [done = 0, expected = 0, running = 0, failed = 0] = fields.map(Number);
      tell({ kind: "progress", done, expected, running, failed });
    }
  };
  const onStart = ({ id, type, fields = [] }: Line): void => {
    if (type === activity.builds) totals = id;
    if (type === activity.substitute)
      tell({ kind: "substitute", path: String(fields[0]), from: String(fields[1] ?? "") });
    if (type !== activity.build) return;
    builds.set(id, { derivation: String(fields[0]), begun: clock() });
    tell({ kind: "start", derivation: String(fields[0]) });
  };
  const onStop = ({ id }: Line): void => {
    const build = builds.get(id);
    builds.delete(id);
    if (build) tell({ kind: "stop", derivation: build.derivation, seconds: (clock() - build.begun) / 1000 });
  };
  return (text: string): void => {
    if (!text.startsWith("@nix ")) {
      if (text.trim()) tell({ kind: "message", level: 1, text: clean(text) });
      return;
    }
    let line: Line;
    try {
      line = JSON.parse(text.slice("@nix ".length)) as Line;
    } catch {
      return;
    }
    if (line.action === "start") onStart(line);
    else if (line.action === "stop") onStop(line);
    else if (line.action === "result") onResult(line);
    else if (line.msg) tell({ kind: "message", level: line.level, text: clean(line.msg) });
  };
}

const failedBuild = /(?:builder for|[Cc]annot build) ['"]([^'"]+\.drv)['"]/g;

/**
 * Builds installables and follows.
 * @param args further arguments, such as `--rebuild`
 * @param command `build`, or another command that builds, such as `flake check`, which has no results
 * @param wrap a program with arguments that starts Nix, such as `unshare --net`
 */
export async function build(
  nix: Nix,
  installables: readonly string[],
  tell: (event: BuildEvent) => void = () => {},
  {
    args = [],
    command = ["build", "--no-link", "--json"],
    cwd,
    wrap = [],
  }: { args?: readonly string[]; command?: readonly string[]; cwd?: string; wrap?: readonly string[] } = {},
): Promise<BuildResult> {
  const started = performance.now();
  const built = new Map<string, BuiltDerivation>();
  const substituted = new Map<string, string>();
  const errors = new Set<string>();
  const note = (event: BuildEvent): void => {
    if (event.kind === "start")
      built.set(event.derivation, { derivation: event.derivation, seconds: 0, log: [], failed: false });
    const current = "derivation" in event ? built.get(event.derivation) : undefined;
    if (event.kind === "stop" && current) current.seconds = event.seconds;
    if (event.kind === "log" && current) current.log = [...current.log, event.line].slice(-keptLines);
    if (event.kind === "substitute") substituted.set(event.path, event.from);
    if (event.kind === "message" && event.level === 0) {
      errors.add(event.text);
      for (const [, failed = ""] of event.text.matchAll(failedBuild)) {
        const known = built.get(failed);
        if (known) known.failed = true;
      }
    }
    tell(event);
  };
  const read = eventReader(note);
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const [program = nix.program, ...first] = [...wrap, nix.program];
  const { code, stdout } = await run(
    [program, ...first, ...command, ...flagsOf(nix), "--log-format", "internal-json", ...args, "--", ...installables],
    {
      check: false,
      onStderr(chunk) {
        const lines = (rest + decoder.write(chunk)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) read(line);
      },
      ...(cwd !== undefined && { cwd }),
    },
  );
  read(rest + decoder.end());
  const raw = (code === 0 && stdout.trim().startsWith("[") ? JSON.parse(stdout) : []) as {
    drvPath: string;
    outputs: Record<string, string>;
  }[];
  return {
    code,
    results: raw.map(({ drvPath, outputs }) => ({ derivation: drvPath, outputs })),
    built: [...built.values()],
    substituted: [...substituted].map(([path, from]) => ({ path, from })),
    errors: [...errors],
    seconds: (performance.now() - started) / 1000,
  };
}
