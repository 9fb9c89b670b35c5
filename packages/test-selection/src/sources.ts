/** What sources and commits say of a test and the change, without any run: an order for the first day. */
import { importReason, textReason } from "./score.ts";
import type { Situation } from "./situation.ts";

type Located = { file: string | null };

/** Compares tests, those nearer to the change first: by imports, then by their text, then by the commits that touched both. */
export function linksInSources({ sources, companions }: Pick<Situation, "sources" | "companions">): {
  compare(a: Located, b: Located): number;
  /** In words, empty where nothing links the test. */
  reason(test: Located): string;
} {
  const linkOf = ({ file }: Located) => (file === null ? undefined : sources?.imports.get(file));
  const textOf = ({ file }: Located) => (file === null ? undefined : sources?.texts?.get(file));
  const companionOf = ({ file }: Located) => (file === null ? undefined : companions?.get(file));
  const distance = (test: Located): number => linkOf(test)?.distance ?? Number.MAX_SAFE_INTEGER;
  const similarity = (test: Located): number => textOf(test)?.similarity ?? 0;
  const commits = (test: Located): number => companionOf(test)?.commits ?? 0;
  return {
    compare: (a, b) => distance(a) - distance(b) || similarity(b) - similarity(a) || commits(b) - commits(a),
    reason: (test) => {
      const [link, text, companion] = [linkOf(test), textOf(test), companionOf(test)];
      if (link || text) return [link && importReason(link), text && textReason(text)].filter(Boolean).join(", and ");
      if (!companion) return "";
      return `changed together with ${companion.path} in ${companion.commits} of its ${companion.of} latest commits`;
    },
  };
}
