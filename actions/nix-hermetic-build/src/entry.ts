/**
 * An entry of the Actions cache without its extraction. `restoreCache` gives the archive to `tar -xf … -P`, which writes
 * wherever the archive says, and an entry may be forged. So while it runs, `tar` is a script that writes the content of the
 * entry's files into one file of ours (`-O`), and nothing else anywhere.
 */
import { accessSync, constants } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** A word of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function find(program: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * Fetches an entry, whose content is not trusted.
 * @param place the path under which it was saved
 * @param file where its content goes; it is there when an entry was found and read whole
 * @param limit bytes of the content; an entry with more counts as none
 * @returns whether there is one
 */
export async function fetchEntry(
  place: string,
  key: string,
  prefixes: string[],
  file: string,
  limit: number,
): Promise<boolean> {
  const path = process.env.PATH ?? "";
  const folder = await mkdtemp(join(process.env.RUNNER_TEMP || tmpdir(), "tar-"));
  try {
    // On macOS the client looks for gtar first.
    for (const name of ["tar", "gtar"]) {
      const real = find(name, path);
      if (real === undefined) continue;
      const text = `#!/bin/sh
PATH=${quoted(path)}
case "$1" in -xf) ;; *) exec ${quoted(real)} "$@" ;; esac
ulimit -f ${Math.ceil(limit / 512)}
exec ${quoted(real)} -O "$@" > ${quoted(file)}
`;
      await writeFile(join(folder, name), text);
      await chmod(join(folder, name), 0o700);
    }
    process.env.PATH = `${folder}${delimiter}${path}`;
    return (await (await import("@actions/cache")).restoreCache([place], key, prefixes)) !== undefined;
  } finally {
    process.env.PATH = path;
    await rm(folder, { recursive: true, force: true });
  }
}
