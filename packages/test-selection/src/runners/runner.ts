/** What selection has to know of a test runner. A new runner is one file beside this one, and a line in `index.ts`. */
export interface Runner {
  /** The value of the input `runner`. */
  name: string;
  /** What the runner can be told to run: single tests, whole files, or whole folders (packages) only. */
  granularity: "test" | "file" | "folder";
  /** True when tests run in the order of the arguments, and none of them twice. */
  ordered: boolean;
  /** True for paths that the runner collects tests from by default. */
  isTestFile(path: string): boolean;
  /**
   * What runs when this path was edited as a test file: the path itself, or for a test file (or test data) of a package
   * its folder, `.` for the root; null for other files of a package.
   */
  unitOf(path: string): string | null;
  /** True for the text of a source file that holds tests as well. */
  holdsTests?(text: string): boolean;
  /** Test files of which one has to run for a changed file, since only then the runner looks at it. */
  besides?(known: readonly string[], changed: readonly string[]): { file: string; reason: string } | null;
  /** True where it starts or imports whatever file it is told, be it a test or not. */
  startsAnyFile?: boolean;
  /** For runners of folders: true for files of which it compiles the folder, also where that holds no tests. */
  compiles?(path: string): boolean;
  /** The file that marks a folder as another project, whose folders the runner cannot be told from outside of it, and the file above that joins them. */
  boundary?: { file: string; joins: string };
  /** Arguments that stand before the first target. */
  before: readonly string[];
  /** One argument for a target; null when the runner has no way to be told exactly this. */
  argument(target: Target): string | null;
  /**
   * Options with which it takes the same settings for these arguments as for everything, started in a folder; null where there
   * are none.
   */
  settings?(folder: string, chosen: readonly string[]): string[] | null;
  /** The command line, in an order in which no argument is taken for the value of another, or passed on to the tests. */
  start(wanted: Wanted): Start;
  /** True for an exit code that says it did not find what it was told to run. */
  notFound(exitCode: number): boolean;
}

/** A file or folder as a whole, or one test in it. Paths are relative to where the runner starts. */
export interface Target {
  file: string;
  test?: { classPath: readonly string[]; name: string };
}

/** How a runner is to be started. */
export interface Wanted {
  /** Where it starts, absolute. */
  folder: string;
  /** Program and first arguments in place of the usual ones; null for the usual ones. */
  command: readonly [string, ...string[]] | null;
  /** The user's arguments. */
  args: readonly string[];
  /** Where it writes its JUnit XML report, absolute; null for none. */
  report: string | null;
  /** What `argumentsFor` made; empty for everything. */
  chosen: readonly string[];
}

/** A command line, and the variables that are set for it or, where undefined, removed. */
export interface Start {
  argv: [string, ...string[]];
  env?: Record<string, string | undefined>;
}
