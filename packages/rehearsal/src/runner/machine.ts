import { tmpdir } from "node:os";
import { delimiter } from "node:path";

const systems: Partial<Record<NodeJS.Platform, string>> = { win32: "Windows", darwin: "macOS" };
const architectures: Partial<Record<NodeJS.Architecture, string>> = { arm64: "ARM64", arm: "ARM", ia32: "X86" };

/** The `runner` context. */
export function runnerContext(temp: string, toolCache: string) {
  return {
    os: systems[process.platform] ?? "Linux",
    arch: architectures[process.arch] ?? "X64",
    name: "Rehearsal",
    environment: "github-hosted",
    temp,
    tool_cache: toolCache,
    debug: "",
  };
}

const inherited = ["HOME", "LANG", "USER", "SHELL", "TZ", "SystemRoot", "USERPROFILE", "PATHEXT", "COMSPEC", "APPDATA"];

/** What a process gets from the machine: a few variables by name and nothing else of the developer's environment. */
export function machineEnv(extra: Record<string, string>): Record<string, string> {
  const kept = inherited.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]!]]));
  const path = [extra.PATH, process.env.PATH].filter(Boolean).join(delimiter);
  return { LANG: "C.UTF-8", TMPDIR: tmpdir(), ...Object.fromEntries(kept), ...extra, PATH: path };
}
