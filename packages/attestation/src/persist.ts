/** Patience with services: asks each question again for as long as its budget lasts, with growing, random waits. */
import { redact, UserError } from "@goatnote/action-io";

/** A service did not do its part for the whole budget, or refused. */
export class ServiceError extends UserError {
  override name = "ServiceError";
  readonly service: string;
  constructor(service: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.service = service;
  }
}

/** An answer that is not what the service promises, such as the page of a proxy. */
export class Garbage extends Error {
  override name = "Garbage";
}

export interface Patience {
  /** Milliseconds for which one question is asked again. Each question has all of them. */
  retryMs: number;
  /** Milliseconds that one attempt may take. */
  attemptMs: number;
  /** Told of each attempt that failed. */
  say?: (line: string) => void;
}

const firstWait = 500;
const longestWait = 30_000;

/**
 * @param attempt asks once; its signal ends what takes too long. Told how often it was asked, from 1
 * @param what the service and its part, such as `Rekor (rekor.sigstore.dev) did not log the signature`
 * @param before what is done before each attempt, with budgets of its own. What it gives, if anything, stands for the answer: an
 * earlier attempt, whose answer was lost, did it
 * @throws ServiceError that names the service, what it answered last, and how often and long it was asked
 */
export async function persist<T>(
  service: string,
  what: string,
  { retryMs, attemptMs, say = () => {} }: Patience,
  attempt: (signal: AbortSignal, tried: number) => Promise<T>,
  before?: () => Promise<T | undefined>,
): Promise<T> {
  const started = Date.now();
  for (let tried = 1; ; tried++) {
    const done = await before?.();
    if (done !== undefined) return done;
    try {
      return await within(attemptMs, (signal) => attempt(signal, tried));
    } catch (error) {
      const reason = reasonOf(error);
      const wait = Math.min(longestWait, firstWait * 2 ** (tried - 1)) * (0.5 + Math.random() / 2);
      const again = mayPass(error) && Date.now() + wait < started + retryMs;
      if (!again) {
        const seconds = Math.round((Date.now() - started) / 1000);
        const often = tried === 1 ? "" : ` (asked ${tried} times in ${seconds} s)`;
        throw new ServiceError(service, redact(`${what}: ${reason}${often}.`), error);
      }
      say(redact(`${what}: ${reason}; trying again in ${(wait / 1000).toFixed(1)} s.`));
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

/** Ends what takes too long: a connection that stays open would keep the whole step waiting. */
async function within<T>(ms: number, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new Error(`no answer within ${ms / 1000} s`);
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      controller.abort(late);
      reject(late);
    }, ms);
  });
  try {
    return await Promise.race([attempt(controller.signal), limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error and its causes, outermost first. */
function* causes(error: unknown): Generator<Record<string, unknown>> {
  for (let each = error, depth = 0; each && typeof each === "object" && depth < 8; depth++) {
    yield each as Record<string, unknown>;
    each = (each as { cause?: unknown }).cause;
  }
}

function statusOf(error: unknown): number | undefined {
  for (const { statusCode, status } of causes(error)) {
    const found = statusCode ?? status;
    if (typeof found === "number") return found;
  }
  return undefined;
}

/** A refusal is final; an overload, a network fault or garbage may pass. */
function mayPass(error: unknown): boolean {
  if (error instanceof UserError) return false;
  const status = statusOf(error);
  return status === undefined || status === 408 || status === 429 || status >= 500;
}

/** The innermost cause tells most: the status a service gave, or the system's word for the network's fault. */
function reasonOf(error: unknown): string {
  const chain = [...causes(error)];
  const status = chain.findLast(({ statusCode, status }) => statusCode !== undefined || status !== undefined);
  const last = status ?? chain.at(-1) ?? { message: String(error) };
  const message = String(last.message || last.code || last.name).replace(/[\r\n]+/g, " ");
  // Before the cut: what is left of a secret is not known as one. Nor is a token that the service has cut.
  const safe = redact(message).replace(/\beyJ[\w-]+(\.[\w-]*)*/g, "***");
  const words = status ? `it answered ${safe}` : safe.replace(/^request to \S+ failed, reason: /, "");
  return words.length > 300 ? `${words.slice(0, 300)}…` : words;
}
