/** The demonstration project as a git repository in a temporary folder. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "@goatnote/action-io";
import type { Edit } from "./changes.ts";

/** A repository with one commit on main. */
export class Project {
  readonly folder: string;
  private hours = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Makes the project.
   * @param folder an empty folder
   * @param workflows names of the examples that become its workflows
   */
  static async create(folder: string, workflows: readonly string[]): Promise<Project> {
    cpSync(join(import.meta.dirname, "project"), folder, { recursive: true });
    mkdirSync(join(folder, ".github/workflows"), { recursive: true });
    const examples = join(import.meta.dirname, "../../workflows-examples");
    for (const name of workflows) cpSync(join(examples, name), join(folder, ".github/workflows", name));
    writeFileSync(join(folder, ".gitignore"), "node_modules/\nreports/\nplan/\n");
    const project = new Project(folder);
    project.writeManifests();
    await project.git("init", "--quiet", "--initial-branch=main");
    await project.commit("ada", "Start");
    return project;
  }

  /** A lock file without dependencies, as npm writes it; npm itself would take a second and write what its version likes. */
  private writeManifests(): void {
    const manifest = { name: "numerics", version: "1.0.0" };
    const lock = { ...manifest, lockfileVersion: 3, requires: true, packages: { "": manifest } };
    const write = (name: string, content: object): void =>
      writeFileSync(join(this.folder, name), `${JSON.stringify(content, null, 2)}\n`);
    write("package.json", { ...manifest, private: true, type: "module" });
    write("package-lock.json", lock);
  }

  /** Whether the text that the edit replaces is in the file that is checked out, once. */
  fits({ file, from }: Edit): boolean {
    return readFileSync(join(this.folder, file), "utf8").split(from).length === 2;
  }

  /**
   * Applies an edit on top of what is checked out and returns the new commit; `branch` points at it.
   * @throws when the edit does not fit
   */
  async apply(edit: Edit, branch: string): Promise<string> {
    const { author, title, file, from, to } = edit;
    if (!this.fits(edit))
      throw new Error(`"${title}" does not fit ${file}, where ${JSON.stringify(from)} has to be once. Put it back.`);
    await this.git("checkout", "--quiet", "-B", branch);
    const path = join(this.folder, file);
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace(from, () => to),
    );
    return this.commit(author, title);
  }

  /** Goes back to main. */
  async checkoutMain(): Promise<void> {
    await this.git("checkout", "--quiet", "main");
  }

  /** Merges a branch into main and returns main's commit. */
  async merge(branch: string): Promise<string> {
    await this.checkoutMain();
    await this.git("merge", "--quiet", "--ff-only", branch);
    return this.head();
  }

  async head(): Promise<string> {
    return (await this.git("rev-parse", "HEAD")).trim();
  }

  private async commit(author: string, title: string): Promise<string> {
    const who = [`user.name=${author}`, `user.email=${author}@numerics.example`, "commit.gpgSign=false"];
    await this.git("add", "--all");
    await this.git(...who.flatMap((setting) => ["-c", setting]), "commit", "--quiet", "--message", title);
    return this.head();
  }

  private async git(...args: string[]): Promise<string> {
    // An hour lies between commits. Fixed dates and bytes make the same commits, so the same seeds, on every machine.
    this.hours += args.includes("commit") ? 1 : 0;
    const date = new Date(Date.UTC(2026, 0, 5, 8 + this.hours)).toISOString();
    const env = { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    const bytes = [
      "core.autocrlf=false",
      "core.fileMode=false",
      `core.hooksPath=${join(this.folder, ".git/no-hooks")}`,
    ];
    const settings = bytes.flatMap((setting) => ["-c", setting]);
    return (await run(["git", ...settings, ...args], { cwd: this.folder, env })).stdout;
  }
}
