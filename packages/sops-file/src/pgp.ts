/** PGP keys, through the machine's `gpg` in a home of its own. */
import type { OpenKey } from "./data-key.ts";

/** A private key, and where it may be kept for as long as it is needed. */
export interface PgpOptions {
  /** Armored. */
  key: string;
  /** "" when it has none. */
  passphrase: string;
  /** A folder that is not there yet; it is made for this user alone, and removed by `close`. */
  home: string;
}

/** An imported key. */
export interface PgpKey {
  open: OpenKey;
  /** Fingerprints. */
  offered: string[];
  /** Ends the agent and removes the home. */
  close: () => Promise<void>;
}

/** Ends the agent of such a home, and removes it: for one that was left by a process that was killed. */
export const removePgpHome = async (home: string): Promise<void> => (await import("./gpg.ts")).removeHome(home);

/** @throws SopsError when there is no `gpg`, or the key is none */
export const importPgpKey = async (options: PgpOptions): Promise<PgpKey> =>
  (await import("./gpg.ts")).importKey(options);
