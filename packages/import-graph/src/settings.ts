/** Settings of test runners that are code, and the files that they have a runner load for every test. */
import { posix } from "node:path";

const settings =
  /(?:^|\/)(?:(?:vitest|vite|jest|babel)\.(?!(?:[\w-]+\.)*(?:test|spec)\.)[\w.-]+|jest-preset|jest-[\w-]+(?=\.json$)|\.babelrc)\.(?:[cm]?[jt]s|json)$/;

/** Whether a file is of the settings of vitest, Vite, jest or Babel, or a package.json, which may have those of jest. */
export const isSettings = (path: string): boolean => settings.test(path) || posix.basename(path) === "package.json";

// https://vitest.dev/config, https://jestjs.io/docs/configuration
const loaded =
  "setupFiles|setupFilesAfterEnv|globalSetup|globalTeardown|testEnvironment|environment|transform|preset|resolver|runner|testRunner|reporters|provider|snapshotSerializers|snapshotEnvironment|snapshotResolver|sequencer|testSequencer";
const setting = new RegExp(
  String.raw`\b(?:${loaded})\b["']?\s*[:=]\s*(\[[^\]]{0,2000}\]|\{[^{}]{0,2000}\}|"[^"\n]{1,300}"|'[^'\n]{1,300}')`,
  "g",
);

/** The paths of what settings have a runner load, by what they say; of a package.json what it says of jest. */
export function loadedBySettings(path: string, text: string): string[] {
  const values = [...text.matchAll(setting)].map(([, value]) => value!);
  return values
    .flatMap((value) => [...value.matchAll(/"([^"\n]{1,300})"|'([^'\n]{1,300})'/g)].map(([, a, b]) => (a ?? b)!))
    .map((named) => named.replace(/^<rootDir>\//, ""))
    .filter((named) => /[./]/.test(named))
    .map((named) => posix.join(posix.dirname(path), named));
}
