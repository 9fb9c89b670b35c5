/** What Nix builds, built again under other conditions; a folder of our own is gone afterwards. */
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childEnvironment, say, UserError, type Values, type WorkflowContext } from "@goatnote/action-io";
import {
  adviceFor,
  BuildProblem,
  buildsInProcess,
  checkInstallable,
  examineMachine,
  explainingSeconds,
  type NixChecked,
  scan,
  type VariationName,
} from "@goatnote/build-comparison";
import { NixError, openNix } from "@goatnote/nix-store";
import type { mainInputs } from "./inputs.ts";
import type { Checked } from "./report.ts";

/** Builds and builds again. What stands in the way is a `problem` in the result, and no error. */
export async function checkNix(
  inputs: Values<typeof mainInputs>,
  asked: readonly VariationName[],
  { workspace }: WorkflowContext,
): Promise<Checked> {
  const cleaning: (() => Promise<void>)[] = [];
  // When the job is cancelled there is no time left for another build.
  let abort = (): void => {};
  const deadline = Date.now() + (inputs.timeout ?? 3_600_000);
  // Not the runner's folder, since the sandbox of Nix has a /tmp of its own and paths of builds are to be short.
  const folder = await realpath(
    await mkdtemp(join(process.platform === "linux" ? "/var/tmp" : tmpdir(), "repro-check-")),
  );
  cleaning.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  try {
    const nix = await openNix();
    const machine = await examineMachine(childEnvironment(process.env));
    const inProcess = buildsInProcess(nix, process.env, process.getuid?.() ?? -1);
    const onClean = (clean: () => Promise<void>): void => void cleaning.push(clean);
    const surroundings = { nix, machine, inProcess, folder, onClean };
    const check = { installable: inputs.installable, asked, bisect: inputs.bisect, deadline, cwd: workspace };
    abort = () => {
      check.deadline = 0;
    };
    process.on("SIGINT", abort).on("SIGTERM", abort);
    const checked = await checkInstallable(check, surroundings, say);
    const outputs = checked.roots.flatMap((root) => Object.values(root.outputs));
    const notes = [
      `Nix ${nix.version}, ${inProcess ? "which builds in its own process" : "which lets its daemon build"}.`,
    ];
    return { ...resultOf(checked, inputs.bisect), artifacts: await scan(nix.storeDir, outputs), notes, caveats: [] };
  } catch (error) {
    if (!(error instanceof BuildProblem)) {
      if (error instanceof NixError)
        throw new UserError(`${error.message} Install Nix in a step before.`, { cause: error });
      throw error;
    }
    return { variations: [], notes: [], caveats: [], problem: error.message };
  } finally {
    process.off("SIGINT", abort).off("SIGTERM", abort);
    for (const clean of cleaning.reverse()) await clean();
  }
}

function resultOf(nix: NixChecked, bisect: boolean): Omit<Checked, "notes" | "caveats"> {
  const different = nix.derivations.filter(({ verdict }) => verdict === "different");
  const findings = different.flatMap((each) => each.findings);
  const incomplete = different.find(({ bisection }) => bisection === "incomplete");
  return {
    nix,
    variations: nix.variations,
    findings: findings.map((finding) => ({ ...finding, advice: adviceFor(finding) })),
    comparison: {
      differences: different.map(({ name }) => ({ path: name, kind: "content" })),
      findings,
      permissionNotes: [],
      stoppedAfter: findings.some(({ stopped }) => stopped) ? explainingSeconds : null,
      bisection: different.length === 0 ? "not-needed" : !bisect ? "off" : incomplete ? "incomplete" : "complete",
      bisectionNote: incomplete?.detail ?? "",
    },
  };
}
