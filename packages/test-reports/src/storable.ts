/** What a history can keep of an execution: reports may say anything, and one odd test must not lose the others. */
import { createHash } from "node:crypto";
import {
  type Execution,
  isRepositoryPath,
  MAX_ATTEMPTS,
  MAX_DURATION_MS,
  MAX_ID_LENGTH,
  MAX_MESSAGE_LENGTH,
  MAX_NAME_LENGTH,
} from "@goatnote/ci-history";

/** Text within the limit, without NUL; what is cut off is told apart by its digest. */
export function bounded(text: string, limit: number): string {
  const clean = text.includes("\0") ? text.replaceAll("\0", "\ufffd") : text;
  if (clean.length <= limit) return clean;
  const digest = createHash("sha256").update(clean).digest("hex").slice(0, 12);
  return `${clean.slice(0, limit - 13)}…${digest}`.toWellFormed();
}

// An ordinal (`#2`) may be added to them.
const longestParam = MAX_ID_LENGTH - 16;

/** Changes an execution into one that a history takes; a file that is not of the repository becomes null. */
export function makeStorable(execution: Execution): void {
  const { id, file, param, variant, message, attempt, duration_ms } = execution;
  execution.id = bounded(id, MAX_ID_LENGTH);
  if (file !== null && !isRepositoryPath(file)) execution.file = null;
  if (param !== undefined) execution.param = bounded(param, longestParam);
  if (variant !== undefined) execution.variant = bounded(variant, MAX_NAME_LENGTH);
  if (message !== undefined) execution.message = bounded(message, MAX_MESSAGE_LENGTH);
  if (attempt !== undefined) execution.attempt = Math.min(attempt, MAX_ATTEMPTS);
  if (duration_ms !== null) execution.duration_ms = Math.min(duration_ms, MAX_DURATION_MS);
}
