/** Where certificates, log entries and timestamps come from. */

export interface Services {
  /** In words, for messages. */
  name: string;
  fulcioUrl: string;
  rekorUrl?: string;
  rekorVersion?: 1 | 2;
  tsaUrl?: string;
}

/** The public-good instance, whose log everyone can read and that never forgets. */
export const publicServices: Services = {
  name: "the public Sigstore",
  fulcioUrl: "https://fulcio.sigstore.dev",
  rekorUrl: "https://rekor.sigstore.dev",
  rekorVersion: 1,
  tsaUrl: "https://timestamp.sigstore.dev/api/v1/timestamp",
};

/** GitHub's own instance, which has no log: for private repositories. */
export function githubServices(server: string): Services {
  const host = server === "https://github.com" ? "githubapp.com" : new URL(server).host;
  return { name: "GitHub's Sigstore", fulcioUrl: `https://fulcio.${host}`, tsaUrl: `https://timestamp.${host}` };
}

/** Whether what is signed becomes public in the public-good log. */
export const logsPublicly = ({ rekorUrl }: Services): boolean =>
  rekorUrl !== undefined && /(^|\.)sigstore\.dev$/.test(new URL(rekorUrl).hostname);
