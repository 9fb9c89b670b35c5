/** The runtime closure of the base: of the commit that a change would be merged into, or of the flake that `base` names. */
import { isAbsolute, relative, resolve } from "node:path";
import { run, type WorkflowContext } from "@goatnote/action-io";
import { changeEvent, resolveChange } from "@goatnote/change-facts";
import {
  build,
  type ClosureDifference,
  compareClosures,
  type KnownPath,
  lastWords,
  lockedOnly,
  type Nix,
  pathInfo,
} from "@goatnote/nix-store";
import { type Inputs, installableOf, namesOf } from "./inputs.ts";

export type Difference = ({ base: string } & ClosureDifference) | { not_compared: string };

interface Base {
  flake: string;
  /** As it is shown. */
  name: string;
  /** Nobody asked for it by name, so that nothing is built for it. */
  found: boolean;
}

/** Compares with the base, whose results must be in the store or in a cache unless `base` names it; else says why it did not. */
export async function differenceToBase(
  nix: Nix,
  inputs: Inputs,
  context: WorkflowContext,
  closure: readonly KnownPath[],
): Promise<Difference> {
  const names = namesOf(inputs);
  if (inputs.base === "none") return { not_compared: "`base` is `none`" };
  if (names.length === 0) return { not_compared: "nothing is built" };
  const base = inputs.base === "auto" ? await baseOf(inputs.flake, context) : named(inputs.base);
  if (typeof base === "string") return { not_compared: base };
  const made = await build(
    nix,
    names.map((name) => installableOf(base.flake, name)),
    () => {},
    {
      cwd: context.workspace,
      args: [
        ...[lockedOnly, "--option", "allow-import-from-derivation", "false"],
        ...(base.found ? ["--max-jobs", "0", "--option", "builders", ""] : []),
      ],
    },
  );
  if (made.code !== 0) return { not_compared: `${base.name}: ${whyNot(made.errors.join("\n"))}` };
  const outputs = made.results.flatMap((each) => Object.values(each.outputs));
  return { base: base.name, ...compareClosures(await pathInfo(nix, outputs, { recursive: true }), closure) };
}

const whyNot = (told: string): string =>
  /start any build|max-jobs/i.test(told)
    ? "its results are in no cache, and nothing is built for it; name it in `base` to have it built"
    : lastWords(told, 2) || "it could not be built";

const named = (flake: string): Base => ({ flake, name: flake, found: false });

/** The commit before the change, as a flake like the one that is built; or why there is none. */
async function baseOf(flake: string, context: WorkflowContext): Promise<Base | string> {
  const path = /^(?:path:)?([./][^?]*)$/.exec(flake)?.[1];
  if (path === undefined) return `${flake} is no folder of this checkout; name a flake in \`base\``;
  if (context.base === null && context.before === null)
    return `the event ${context.event} has no commit to compare with; name a flake in \`base\``;
  const folder = resolve(context.workspace, path);
  const asked = await run(["git", "-C", folder, "rev-parse", "--show-toplevel"], { check: false });
  if (asked.code !== 0) return `${folder} is in no git repository: ${lastWords(asked.stderr, 1)}`;
  const top = asked.stdout.trim();
  const change = await resolveChange(top, changeEvent(context));
  if (change.kind === "unknown") return change.reason;
  if (change.base === null) return "the commit has no parent";
  const below = relative(top, folder);
  if (below.startsWith("..") || isAbsolute(below)) return `${folder} is not below ${top}`;
  const url = new URL(`git+file://${encodeURI(top)}`);
  url.search = new URLSearchParams({ rev: change.base, shallow: "1", ...(below && { dir: below }) }).toString();
  return { flake: url.href, name: `commit ${change.base.slice(0, 12)}`, found: true };
}
