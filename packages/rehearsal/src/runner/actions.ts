import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { parseDocument } from "yaml";
import { Unsupported } from "./errors.ts";
import { standIn } from "./standins/index.ts";
import type { StandIn } from "./standins/stand-in.ts";
import { refuseInStep, type Step } from "./workflow.ts";

/** An action's metadata file. */
export interface Metadata {
  name: string;
  inputs?: Record<string, { required?: boolean; default?: unknown } | null>;
  outputs?: Record<string, { value?: string }>;
  runs: {
    using: string;
    main?: string;
    pre?: string;
    "pre-if"?: string;
    post?: string;
    "post-if"?: string;
    steps?: Step[];
  };
}

export interface FolderAction {
  kind: "folder";
  folder: string;
  /** The folder that `$/` means inside the action. */
  root: string;
  repository: string;
  ref: string;
  metadata: Metadata;
}
export type Action = FolderAction | { kind: "stand-in"; name: string; standIn: StandIn };

/** Finds what `uses:` names: stand-ins, published actions in the actions folder, and local actions. */
export class ActionCatalog {
  readonly #actions: string;
  readonly #repository: string;
  readonly #sha: string;
  readonly #cache = new Map<string, Metadata>();

  /** @param actions one built action per subfolder; @param repository the git folder that local actions come from */
  constructor(actions: string, repository: string, sha: string) {
    this.#actions = actions;
    this.#repository = repository;
    this.#sha = sha;
  }

  /**
   * @param root what `$/` means: the composite's own repository, or null in a workflow
   * @param workspace where `./` is looked for; null before the job, when it is read from the commit
   */
  resolve(uses: string, root: string | null, workspace: string | null, where: string): Action {
    if (uses.startsWith("docker://")) throw new Unsupported("Docker actions", `${where}: ${uses}`);
    if (uses.startsWith("./")) return this.#local(uses, workspace, where);
    if (uses.startsWith("$/")) {
      // The monorepo says $/dist/<action>/…, a published action $/… for its own folders.
      const path = uses.slice(2).replace(/^dist\//, "");
      const own = root !== null && existsSync(join(root, path)) && !uses.startsWith("$/dist/");
      return this.#folder(own ? root : this.#actions, path, uses, "", where);
    }
    const [name = "", ref = ""] = uses.split("@");
    const found = standIn(name);
    if (found) return { kind: "stand-in", name, standIn: found };
    const [owner, action, ...sub] = name.split("/");
    if (owner !== "goatnote" || !action || !existsSync(join(this.#actions, action)))
      throw new Unsupported(`the action ${uses}`, where);
    const resolved = this.#folder(join(this.#actions, action), posix.join(...sub, "."), uses, ref, where);
    return { ...resolved, repository: `${owner}/${action}` };
  }

  #folder(root: string, path: string, uses: string, ref: string, where: string): FolderAction {
    const folder = join(root, path);
    const file = ["action.yml", "action.yaml"].map((name) => join(folder, name)).find(existsSync);
    if (!file) throw new Error(`${where}: no action.yml for ${uses} in ${folder}.`);
    let metadata = this.#cache.get(file);
    if (!metadata) {
      metadata = readMetadata(readFileSync(file, "utf8"), `${where}: ${uses}`);
      this.#cache.set(file, metadata);
    }
    const ownRoot = root === this.#actions ? join(root, path.split("/")[0] ?? "") : root;
    return { kind: "folder", folder, root: ownRoot, repository: "", ref, metadata };
  }

  #local(uses: string, workspace: string | null, where: string): FolderAction {
    if (workspace !== null) return { ...this.#folder(workspace, uses, uses, "", where), root: workspace };
    for (const name of ["action.yml", "action.yaml"]) {
      const content = this.#committed(posix.join(uses, name));
      if (content === null) continue;
      const metadata = readMetadata(content, `${where}: ${uses}`);
      return { kind: "folder", folder: "", root: this.#repository, repository: "", ref: "", metadata };
    }
    // It may be made by an earlier step; the step itself fails when it is not.
    return { kind: "folder", folder: "", root: "", repository: "", ref: "", metadata: absent };
  }

  #committed(path: string): string | null {
    const args = ["-C", this.#repository, "show", `${this.#sha}:${path}`];
    const { status, stdout } = spawnSync("git", args, { encoding: "utf8" });
    return status === 0 ? stdout : null;
  }

  /** Refuses, before anything runs, every step and nested step that cannot be rehearsed. */
  check(steps: Step[], where: string, root: string | null = null): void {
    for (const [index, step] of steps.entries()) {
      const place = `${where}, step ${step.id ?? index + 1}`;
      refuseInStep(step, place);
      if (!step.uses) continue;
      const action = this.resolve(step.uses, root, null, place);
      if (action.kind === "stand-in") continue;
      if (root !== null && action.metadata.runs.pre) throw new Unsupported("`pre` inside a composite action", place);
      this.check(action.metadata.runs.steps ?? [], `${place}, ${step.uses}`, action.root);
    }
  }
}

const absent: Metadata = { name: "", runs: { using: "composite", steps: [] } };

/** @throws Error that names the place when the file is no YAML, and Unsupported for kinds that are not rehearsed */
function readMetadata(content: string, where: string): Metadata {
  const document = parseDocument(content);
  if (document.errors.length > 0)
    throw new Error(`${where}: action.yml is not valid YAML: ${document.errors[0]?.message}`);
  const metadata = document.toJS() as Metadata;
  const using = metadata?.runs?.using;
  if (using === "docker") throw new Unsupported("Docker actions", where);
  if (using !== "composite" && using !== "node24" && using !== "node20")
    throw new Unsupported(`\`using: ${using}\``, where);
  return metadata;
}
