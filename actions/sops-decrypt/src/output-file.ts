/** A file of secrets: only for the user, never over another, never through a link, never where git or an artifact would take it. */
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { lstat, mkdir, open, realpath, rm } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { run, UserError } from "@goatnote/action-io";

export interface OutputPlace {
  /** `output-file`; "" for a place of our own. */
  wanted: string;
  workspace: string;
  temp: string;
  /** What a file of our own is called. */
  name: string;
}

const isBelow = (path: string, folder: string): boolean => {
  const way = relative(folder, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && resolve(folder, way) === path;
};

/**
 * Where the file will be. Nothing is written but a folder of our own.
 * @returns an absolute path without links
 * @throws UserError when that is not a safe place
 */
export async function outputPlace({ wanted, workspace, temp, name }: OutputPlace): Promise<string> {
  const realTemp = await realpath(temp);
  if (wanted === "") {
    const folder = join(realTemp, `goatnote-sops-${randomUUID()}`);
    await mkdir(folder, { mode: 0o700 });
    return join(folder, name);
  }
  const asked = resolve(workspace, wanted);
  const folder = await realpath(dirname(asked)).catch(() => {
    throw new UserError(`Input \`output-file\`: there is no folder ${dirname(wanted)}; make it in a step before.`);
  });
  const path = join(folder, basename(asked));
  if (await lstat(path).catch(() => null))
    throw new UserError(
      `Input \`output-file\`: ${wanted} is there already, and is not overwritten. Choose another name.`,
    );
  if (isBelow(path, realTemp)) return path;
  const realWorkspace = await realpath(workspace);
  if (!isBelow(path, realWorkspace))
    throw new UserError(
      `Input \`output-file\`: ${wanted} is neither below the runner's temporary folder (\`runner.temp\`) nor in the workspace.`,
    );
  if (relative(realWorkspace, path).split(sep).includes(".git"))
    throw new UserError(`Input \`output-file\`: ${wanted} is in the folder of git itself.`);
  if (!(await isIgnored(path, realWorkspace)))
    throw new UserError(
      `Input \`output-file\`: git does not ignore ${wanted}, so secrets could be committed or uploaded with the work tree. Add it to .gitignore, or leave the input out to get a file in the runner's temporary folder.`,
    );
  return path;
}

async function isIgnored(path: string, workspace: string): Promise<boolean> {
  const { code } = await run(
    ["git", "-c", "safe.directory=*", "-C", workspace, "check-ignore", "--quiet", "--", path],
    {
      check: false,
      timeoutMs: 60_000,
    },
  );
  return code === 0;
}

/** Writes the file for the user alone. @throws UserError when something came to stand there */
export async function writeSecretFile(path: string, content: Uint8Array): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600).catch(
    (error: NodeJS.ErrnoException) => {
      throw new UserError(`The file ${path} could not be written (${error.code}).`);
    },
  );
  try {
    await file.writeFile(content);
  } catch (error) {
    await rm(path, { force: true });
    throw new UserError(
      `The file ${path} could not be written (${(error as NodeJS.ErrnoException).code}) and was removed.`,
    );
  } finally {
    await file.close();
  }
}
