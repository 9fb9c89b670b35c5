import { git } from "./git.ts";

/** The commits that the checked-out one stands on, itself included; null in a shallow clone, which does not know them. */
export async function ancestors(repo: string): Promise<Set<string> | null> {
  const shallow = (await git(repo, ["rev-parse", "--is-shallow-repository"])).trim();
  if (shallow !== "false") return null;
  return new Set((await git(repo, ["rev-list", "HEAD"])).split("\n").filter(Boolean));
}
