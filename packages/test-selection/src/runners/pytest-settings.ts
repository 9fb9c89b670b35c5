/**
 * Which settings pytest takes. It looks for them above what it is told, and only without arguments from where it is started: the
 * settings of a project within the project would be taken for a test there, and not for everything.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

// In this order, see https://docs.pytest.org/en/stable/reference/customize.html
const settings: [string, RegExp][] = [
  ["pytest.toml", /^/],
  [".pytest.toml", /^/],
  ["pytest.ini", /^/],
  [".pytest.ini", /^/],
  ["pyproject.toml", /^[ \t]*\[tool\.pytest(?:\.ini_options)?\]/m],
  ["tox.ini", /^\[pytest\]/m],
  ["setup.cfg", /^\[tool:pytest\]/m],
];

/** The settings in a folder, absolute. */
function settingsIn(folder: string): string | undefined {
  return settings
    .map(([name, section]) => [join(folder, name), section] as const)
    .find(([file, section]) => existsSync(file) && section.test(readFileSync(file, "utf8")))?.[0];
}

/**
 * Options with which pytest takes the settings that it takes for everything.
 * @param folder where it is started, absolute
 * @param targets what it is told, relative to that folder
 * @returns none where it takes them anyway; null where there are no such settings, and those of a project within would be taken
 */
export function settingsOptions(folder: string, targets: readonly string[]): string[] | null {
  const within = new Set<string>();
  for (const target of targets)
    for (let at = dirname(resolve(folder, target.split("::")[0]!)); at.startsWith(join(folder, "/")); at = dirname(at))
      within.add(at);
  let own = settingsIn(resolve(folder));
  for (let at = resolve(folder); own === undefined && at !== dirname(at); own = settingsIn(at)) at = dirname(at);
  const marks = (at: string): boolean =>
    settingsIn(at) !== undefined ||
    // Without settings anywhere these say where the project is.
    (own === undefined && ["setup.py", "pyproject.toml"].some((name) => existsSync(join(at, name))));
  if (![...within].some(marks)) return [];
  // One without settings says at least where the project is.
  own ??= settings.map(([name]) => join(folder, name)).find((file) => existsSync(file));
  return own === undefined ? null : ["-c", relative(folder, own)];
}
