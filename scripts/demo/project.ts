/** The demonstration project as a git repository in a temporary folder. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "@goatnote/action-io";
import type { Edit } from "./changes.ts";

/** A repository with one commit on main. */
export class Project {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Makes the project.
   * @param folder an empty folder
   * @param workflow the workflow file that becomes its CI
   */
  static async create(folder: string, workflow: string): Promise<Project> {
    cpSync(join(import.meta.dirname, "project"), folder, { recursive: true });
    mkdirSync(join(folder, ".github/workflows"), { recursive: true });
    writeFileSync(join(folder, ".github/workflows/ci.yml"), workflow);
    writeFileSync(join(folder, ".gitignore"), "node_modules/\nreports/\nplan/\n");
    const project = new Project(folder);
    await project.declare();
    await project.git("init", "--quiet", "--initial-branch=main");
    await project.commit("ada", "Start");
    return project;
  }

  private async declare(): Promise<void> {
    const manifest = { name: "numerics", version: "1.0.0", private: true, type: "module" };
    writeFileSync(join(this.folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    const install = ["install", "--package-lock-only", "--no-audit", "--no-fund", "--loglevel=error"];
    await run(["npm", ...install], { cwd: this.folder });
  }

  /** Applies an edit on top of `from` and returns the new commit; `branch` points at it. */
  async apply({ author, title, file, from, to }: Edit, branch: string): Promise<string> {
    await this.git("checkout", "--quiet", "-B", branch);
    const path = join(this.folder, file);
    const before = readFileSync(path, "utf8");
    if (before.split(from).length !== 2)
      throw new Error(
        `"${title}" does not fit ${file}: the text to replace is there ${before.split(from).length - 1} times.`,
      );
    writeFileSync(
      path,
      before.replace(from, () => to),
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
    await this.git("add", "--all");
    await this.git(
      "-c",
      `user.name=${author}`,
      "-c",
      `user.email=${author}@numerics.example`,
      "commit",
      "--quiet",
      "--message",
      title,
    );
    return this.head();
  }

  private async git(...args: string[]): Promise<string> {
    return (await run(["git", ...args], { cwd: this.folder })).stdout;
  }
}
