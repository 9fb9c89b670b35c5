/**
 * Derivations whose outputs have paths by their content, built again in a store of their own: Nix does not check them, since
 * another path is another output. One such build tells of all of them, whatever derivation is asked about.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Derivation } from "@goatnote/nix-store";
import type { Finding } from "../cause/explain.ts";
import { removeFolder } from "../vary/artifacts.ts";
import { BuildProblem } from "../vary/problem.ts";
import type { VariationName } from "../vary/variations.ts";
import type { Again, Context } from "./check.ts";
import { buildDiverted, type Diverted, type Realised, realisedIn } from "./diverted.ts";
import { explainOutput, outputName } from "./explain.ts";
import { sceneOf } from "./scene.ts";

/** How a derivation's outputs compare with those of the first build. */
type Seen = Exclude<Awaited<ReturnType<Again>>, { problem: string }>;

/** Answers for each of some derivations what building them again gives. */
export class ContentAddressed {
  /** What the first build made of them. */
  readonly first: Realised;
  readonly #context: Context;
  readonly #derivations: readonly Derivation[];
  readonly #roots: readonly Derivation[];
  readonly #given: readonly string[];
  readonly #seen = new Map<string, Promise<Map<string, Seen> | { problem: string }>>();

  private constructor(
    first: Realised,
    derivations: readonly Derivation[],
    roots: readonly Derivation[],
    given: readonly string[],
    context: Context,
  ) {
    this.first = first;
    this.#derivations = derivations;
    this.#roots = roots;
    this.#given = given;
    this.#context = context;
  }

  /**
   * @param roots what is built again, with all that it needs
   * @param given store objects that are not built again
   */
  static async of(
    derivations: readonly Derivation[],
    roots: readonly Derivation[],
    given: readonly string[],
    context: Context,
  ): Promise<ContentAddressed> {
    const first = await realisedIn(context.surroundings.nix, derivations);
    return new ContentAddressed(first, derivations, roots, given, context);
  }

  again(derivation: Derivation): Again {
    return async (names) => {
      const key = names.join();
      const known = this.#seen.get(key) ?? this.#build(names);
      this.#seen.set(key, known);
      const seen = await known;
      if ("problem" in seen) return seen;
      return seen.get(derivation.path) ?? { problem: "it was not needed when all was built again" };
    };
  }

  async #build(names: readonly VariationName[]): Promise<Map<string, Seen> | { problem: string }> {
    const { surroundings, changes, check, tell } = this.#context;
    const folder = join(surroundings.folder, `store-${this.#seen.size}`);
    await mkdir(folder);
    tell(`Building what is content-addressed again in a store of its own, with ${names.join(", ") || "no variation"}`);
    try {
      const some = names.flatMap((name) => changes.get(name) ?? []);
      const { nix } = surroundings;
      const built = await buildDiverted(nix, this.#roots, this.#derivations, this.#given, some, folder, check.deadline);
      const seen = new Map<string, Seen>();
      for (const derivation of this.#derivations) {
        const outcome = await this.#compare(derivation, built, names);
        if (outcome) seen.set(derivation.path, outcome);
      }
      return seen;
    } catch (error) {
      if (!(error instanceof BuildProblem)) throw error;
      return { problem: error.message };
    } finally {
      await removeFolder(folder);
    }
  }

  /** By derivation and output, since several store objects may have one name. */
  async #compare(derivation: Derivation, built: Diverted, names: readonly VariationName[]): Promise<Seen | undefined> {
    const [first, second] = [this.first.get(derivation.path), built.realised.get(derivation.path)];
    if (!first || !second) return undefined;
    const scene = sceneOf(this.#context, names, derivation, built.started, built.ended);
    const findings: Finding[] = [];
    let differs = false;
    for (const [output, { path, narHash }] of first) {
      const other = second.get(output);
      // The path of an output tells of its inputs too; they have a verdict of their own.
      if (other?.narHash === narHash) continue;
      differs = true;
      if (other)
        findings.push(...(await explainOutput(outputName(derivation, output), path, built.onDisk(other.path), scene)));
    }
    return { findings, differs };
  }
}
