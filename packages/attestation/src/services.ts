/** Where certificates, log entries and timestamps come from. */
import { UserError } from "@goatnote/action-io";

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

/**
 * GitHub's own instance, which has no log: for private repositories.
 * @throws UserError for GitHub Enterprise Server, which has none
 */
export function githubServices(server: string): Services {
  if (!/^(github\.com|.+\.ghe\.com|.+\.localhost)$/.test(new URL(server).hostname))
    throw new UserError(
      `${server} has no Sigstore of its own. Use \`sigstore: custom\` with a private instance, or \`sigstore: public\`.`,
    );
  const host = server === "https://github.com" ? "githubapp.com" : new URL(server).host;
  return { name: "GitHub's Sigstore", fulcioUrl: `https://fulcio.${host}`, tsaUrl: `https://timestamp.${host}` };
}

/** Whether the signer's names become public: in the log, or in that of the certificates, of Sigstore's public instances. */
export const logsPublicly = ({ fulcioUrl, rekorUrl }: Services): boolean =>
  [fulcioUrl, rekorUrl].some(
    (url) => url !== undefined && /(^|\.)(sigstore|sigstage)\.dev\.*$/.test(new URL(url).hostname),
  );
