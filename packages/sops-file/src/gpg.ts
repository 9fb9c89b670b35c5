/** GnuPG as a subprocess: https://www.gnupg.org/documentation/manuals/gnupg/ and doc/DETAILS of its sources for the status lines. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RunOptions, type RunResult, run, SubprocessError } from "@goatnote/action-io";
import { SopsError } from "./errors.ts";
import type { PgpKey, PgpOptions } from "./pgp.ts";
import { quoted } from "./shown.ts";

const timeoutMs = 60_000;
// Each costs a process, and whoever wrote the file says how many there are.
const mostAttempts = 20;

// What gpg and its agent need to be found and to run. The agent outlives gpg, and what else is set here may be a credential.
const needed = /^(PATH|PATHEXT|HOME|USERPROFILE|APPDATA|LOCALAPPDATA|SYSTEMROOT|TEMP|TMP|TMPDIR|LD_LIBRARY_PATH)$/i;
const environment = (home: string): RunOptions => ({ only: needed, env: { GNUPGHOME: home, LC_ALL: "C" } });

/** Imports a private key into a new home. The user's keyring and configuration are not looked at. */
export async function importKey({ key, passphrase, home }: PgpOptions): Promise<PgpKey> {
  await mkdir(home, { mode: 0o700 });
  const close = (): Promise<void> => removeHome(home);
  try {
    const { stdout } = await gpg(home, ["--status-fd", "1", "--import"], key);
    // Flag 16: the private half was in it.
    const offered = [...stdout.matchAll(/^\[GNUPG:\] IMPORT_OK (\d+) ([0-9A-F]{40,64})$/gm)]
      .filter(([, flags]) => Number(flags) & 16)
      .map(([, , fingerprint = ""]) => fingerprint);
    if (offered.length === 0)
      throw new SopsError("no-key", "The PGP key that was given is no armored private key that gpg can import.");
    let attempts = 0;
    const open: PgpKey["open"] = async ({ enc, name }) => {
      if (++attempts > mostAttempts)
        throw new SopsError("no-key", `PGP key ${quoted(name)} is not tried: ${mostAttempts} were tried already.`);
      return decrypt(home, enc, passphrase, name);
    };
    return { open, offered: [...new Set(offered)].map((fingerprint) => `PGP ${fingerprint}`), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Ends the agent of a home, and removes the home. */
export async function removeHome(home: string): Promise<void> {
  // Where there is /run/user, the sockets are there, in a folder of this home's own.
  for (const end of [["--kill", "all"], ["--remove-socketdir"]])
    await run(["gpgconf", "--homedir", home, ...end], { check: false, timeoutMs, ...environment(home) }).catch(
      () => {},
    );
  // Where a step was killed, its gpg may live on and write there: by another name the folder is not found.
  const gone = `${home}-gone`;
  await rename(home, gone).catch(() => {});
  for (const folder of [home, gone]) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

async function decrypt(home: string, message: string, passphrase: string, name: string): Promise<Buffer | undefined> {
  const file = join(home, "message");
  await writeFile(file, message);
  const { code, stdout, stderr } = await gpg(
    home,
    [
      "--status-fd",
      "2",
      "--pinentry-mode",
      "loopback",
      "--passphrase-fd",
      "0",
      "--max-output",
      "4096",
      "--decrypt",
      file,
    ],
    `${passphrase}\n`,
  );
  // gpg also gives out what is merely packed or signed, or encrypted with a passphrase: https://github.com/gpg/gnupg/blob/master/doc/DETAILS
  const byKey = /^\[GNUPG:\] DECRYPTION_KEY /m.test(stderr) && /^\[GNUPG:\] DECRYPTION_OKAY/m.test(stderr);
  if (code === 0 && stdout !== "" && !byKey)
    throw new SopsError("no-key", `What stands for ${quoted(name)} is not encrypted for a PGP key.`);
  if (code === 0 && stdout !== "") return Buffer.from(stdout, "latin1");
  if (/^\[GNUPG:\] (BAD_PASSPHRASE|MISSING_PASSPHRASE|ERROR pkdecrypt_failed)/m.test(stderr))
    throw new SopsError("no-key", `The passphrase of the PGP key for ${quoted(name)} is wrong or missing.`);
  if (/^\[GNUPG:\] NO_SECKEY/m.test(stderr)) return undefined;
  throw new SopsError("no-key", `gpg cannot read what is encrypted for ${quoted(name)} (exit code ${code}).`);
}

/** Nothing is asked of the user, a key server or a configuration. */
async function gpg(home: string, args: readonly string[], input: string): Promise<RunResult> {
  const quiet = ["--batch", "--no-tty", "--no-options", "--disable-dirmngr", "--no-auto-key-retrieve"];
  try {
    return await run(["gpg", "--homedir", home, ...quiet, ...args], {
      input,
      encoding: "latin1",
      check: false,
      timeoutMs,
      maxOutput: 1024 * 1024,
      ...environment(home),
    });
  } catch (error) {
    if (!(error instanceof SubprocessError)) throw error;
    throw new SopsError("no-key", "The PGP key needs `gpg`, which is not on PATH or does not answer.");
  }
}
