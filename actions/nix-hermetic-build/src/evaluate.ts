/** Evaluation that builds nothing, so that what is built is all in the graph; where a flake needs more, that is told. */
import { type BuildEvent, type BuildResult, build, call, lockedOnly, type Nix } from "@goatnote/nix-store";

// A cached evaluation would not say whether it had imported.
const uncached = ["--option", "eval-cache", "false"];
const withoutImports = ["--option", "allow-import-from-derivation", "false"];

const importOf = (text: string): string | undefined => {
  if (!text.includes("allow-import-from-derivation")) return;
  const name = /build '[^']*\/[0-9a-z]{32}-([^'^]+?)(\.drv)?(\^[^']*)?'/.exec(text)?.[1] ?? "a derivation";
  return `Evaluation imports from a derivation (IFD): ${name} is built to find out what to build, and no lock file fixes what it says.`;
};

/** Builds without import from derivation; where that cannot be, with it, which is a reason. */
export async function buildPure(
  nix: Nix,
  installables: readonly string[],
  tell: (event: BuildEvent) => void,
  { args = [], ...options }: { args?: readonly string[]; command?: readonly string[]; cwd?: string },
): Promise<BuildResult & { reasons: string[] }> {
  const common = [lockedOnly, ...uncached, ...args];
  const quiet = (event: BuildEvent): void => {
    if (event.kind !== "message" || importOf(event.text) === undefined) tell(event);
  };
  const first = await build(nix, installables, quiet, { ...options, args: [...common, ...withoutImports] });
  const reason = first.code === 0 ? undefined : importOf(first.errors.join("\n"));
  if (reason === undefined) return { ...first, reasons: [] };
  return { ...(await build(nix, installables, tell, { ...options, args: common })), reasons: [reason] };
}

/** Paths of derivations that were not results of this run, and why they may be more or others. */
export interface Named {
  derivations: string[];
  reasons: string[];
}

/** The checks that `nix flake check` built. */
export async function checksOf(nix: Nix, flake: string, cwd: string): Promise<Named> {
  const attribute = `${flake}#checks.${String(nix.settings.system)}`;
  const { stdout, missing, reasons } = await evaluate(
    nix,
    ["--json", "--apply", "builtins.mapAttrs (_: check: check.drvPath)", attribute],
    cwd,
  );
  if (missing) return { derivations: [], reasons };
  if (stdout === undefined) return { derivations: [], reasons: [...reasons, "The checks could not be inspected."] };
  return { derivations: Object.values(JSON.parse(stdout) as Record<string, string>), reasons };
}

/** A development shell, found where `nix develop` looks for it. */
export async function shellOf(nix: Nix, shell: string, cwd: string): Promise<Named> {
  const [flake = "", name = "default"] = shell.split(/#(.*)/s);
  const system = String(nix.settings.system);
  const old = name === "default" ? [`devShell.${system}`] : [];
  for (const attribute of [`devShells.${system}.${name}`, ...old, name]) {
    const { stdout, missing, reasons } = await evaluate(nix, ["--raw", `${flake}#${attribute}.drvPath`], cwd);
    if (stdout !== undefined) return { derivations: [stdout], reasons };
    if (!missing) break;
  }
  return { derivations: [], reasons: [`The shell ${shell} could not be inspected.`] };
}

async function evaluate(nix: Nix, args: readonly string[], cwd: string) {
  const common = ["eval", ...args, lockedOnly, ...uncached];
  const first = await call(nix, [...common, ...withoutImports], { check: false, cwd });
  const reason = first.code === 0 ? undefined : importOf(first.stderr);
  const { code, stdout, stderr } = reason === undefined ? first : await call(nix, common, { check: false, cwd });
  return {
    ...(code === 0 && { stdout }),
    missing: code !== 0 && /does not provide attribute/.test(stderr),
    reasons: reason === undefined ? [] : [reason],
  };
}
