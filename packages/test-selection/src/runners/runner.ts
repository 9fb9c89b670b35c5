/** What selection has to know of a test runner. A new runner is one file beside this one, and a line in `index.ts`. */
export interface Runner {
  name: string;
  /** What the runner can be told to run: single tests, or files only. */
  granularity: "test" | "file";
  /** True when tests run in the order of the arguments, and none of them twice. */
  ordered: boolean;
  /** Program and first arguments that start it in a folder, where the user names none. */
  command(folder: string): [string, ...string[]];
  /** Arguments that make the runner write a JUnit XML report to a path. */
  reportTo(path: string): string[];
  /** True for paths that the runner collects tests from by default. */
  isTestFile(path: string): boolean;
  /** One argument for a target; null when the runner has no way to be told exactly this. */
  argument(target: Target): string | null;
  /** True for an exit code that says it did not find what it was told to run. */
  notFound(exitCode: number): boolean;
}

/** A file as a whole, or one test in it. Paths are relative to the repository. */
export interface Target {
  file: string;
  test?: { classPath: readonly string[]; name: string };
}
