/** A build that failed is told once, with its cause and the next step. */
import { UserError, writeSummary } from "@goatnote/action-io";
import { type BuildResult, flakeShow, lastWords, type Nix, nameOf } from "@goatnote/nix-store";
import { tellFailures } from "./logs.ts";
import { summariseFailure } from "./report.ts";

/**
 * @param what the command, as the message names it
 * @returns the result when it is one
 * @throws UserError when it is none; the summary then has the last lines of what failed
 */
export async function succeed<Result extends BuildResult>(
  result: Result,
  what: string,
  { nix, flake, cwd }: { nix: Nix; flake: string; cwd: string },
): Promise<Result> {
  if (result.code === 0) return result;
  tellFailures(result.built);
  const failed = result.built
    .filter((each) => each.failed)
    .map(({ derivation }) => nameOf(derivation).replace(/\.drv$/, ""));
  const told = lastWords(result.errors.join("\n"), 8);
  const message =
    failed.length > 0
      ? `${what}: ${failed.join(", ")} failed. The last lines of its log are at the end of this step's log and in the summary.`
      : `${what} failed: ${[adviceFor(told), await outputsFor(told, nix, flake, cwd), told].filter(Boolean).join("\n")}`;
  await writeSummary(summariseFailure(message, result.built), process.env.GITHUB_STEP_SUMMARY);
  throw new UserError(message);
}

const noAttribute = /does not provide attribute/i;

const advice: [RegExp, string][] = [
  [
    /requires? lock file changes|cannot (update|write) .*lock file/i,
    "The lock file lacks an input: run `nix flake lock` and commit flake.lock.",
  ],
  [/No space left on device|disk is full/i, "The disk is full: free space, or build less in one job."],
  [
    /Could not resolve host|unable to download|Couldn't connect/i,
    "The network is not reachable: what is neither in the store nor in the cache cannot be fetched.",
  ],
  [noAttribute, "The flake has no such attribute: `nix flake show` lists what it has."],
];

const adviceFor = (text: string): string => advice.find(([pattern]) => pattern.test(text))?.[1] ?? "";

/** What the flake has, where it lacks what was asked for. A flake that cannot be shown has been told already. */
async function outputsFor(text: string, nix: Nix, flake: string, cwd: string): Promise<string> {
  if (!noAttribute.test(text)) return "";
  const system = String(nix.settings.system);
  const shown = await flakeShow(nix, flake, cwd).catch(() => []);
  const fit = shown.filter(({ attribute }) => attribute.startsWith(`packages.${system}.`));
  return fit.length > 0
    ? `Its packages for ${system}: ${fit
        .slice(0, 30)
        .map(({ attribute }) => attribute.split(".").at(-1))
        .join(", ")}`
    : "";
}
