/** One bounded request to a service that was allowed: no redirect, a time limit, a small answer. */
import { SopsError } from "../errors.ts";

export interface Request {
  /** Whom it asks, for messages. */
  service: string;
  url: string;
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  body?: string;
}

export interface Answer {
  status: number;
  text: string;
}

const timeoutMs = 20_000;
const mostBytes = 64 * 1024;
const pausesMs = [300, 1500];

/**
 * Asks, and asks again where the service is busy or cannot be reached.
 * @throws SopsError that names the service and holds nothing of what was sent or answered
 */
export async function ask(request: Request): Promise<Answer> {
  const { protocol, hostname } = new URL(request.url);
  if (protocol !== "https:" && !(protocol === "http:" && /^(127\.0\.0\.1|localhost)$/.test(hostname)))
    throw failed(request, "is not asked, as its address is not https");
  for (const pause of [...pausesMs, null]) {
    const answer = await once(request).catch((error: unknown) => error as SopsError);
    const again =
      answer instanceof SopsError ? answer.problem === "no-key" : answer.status === 429 || answer.status >= 500;
    if (again && pause !== null) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      continue;
    }
    if (answer instanceof Error) throw answer;
    return answer;
  }
  throw failed(request, "did not answer");
}

async function once(request: Request): Promise<Answer> {
  const { url, method = "POST", headers = {}, body = null } = request;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, { method, headers, body, redirect: "manual", signal });
    if (response.status >= 300 && response.status < 400)
      throw new SopsError("unsupported", `${request.service} sends elsewhere (${response.status}), which is refused.`);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > mostBytes)
        throw new SopsError(
          "too-large",
          `${request.service} answered with more than ${mostBytes} bytes, which is refused.`,
        );
      chunks.push(chunk);
    }
    return { status: response.status, text: Buffer.concat(chunks).toString() };
  } catch (error) {
    if (error instanceof SopsError) throw error;
    const { name, cause } = error as { name?: string; cause?: { code?: unknown } };
    const why =
      name === "TimeoutError" ? `no answer in ${timeoutMs / 1000} s` : shortCode(cause?.code) || "no connection";
    throw failed(request, `could not be reached at ${new URL(url).host} (${why})`);
  }
}

const failed = ({ service }: Request, what: string): SopsError => new SopsError("no-key", `${service} ${what}.`);

/** A code that a service gave; "" for what is no word, as it could hold anything. A data key is longer in every form. */
function shortCode(code: unknown): string {
  // AWS may put a namespace before it: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
  const word = typeof code === "string" ? (code.split("#").at(-1) ?? "") : "";
  return /^[A-Za-z_]{1,40}$/.test(word) ? word : "";
}

/** The fields of a JSON answer; none when it is not one. */
export function fieldsOf({ text }: Pick<Answer, "text">): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** A text of a JSON answer; "" when there is none. */
export const textField = (fields: unknown, name: string): string => {
  const value = (Object(fields) as Record<string, unknown>)[name];
  return typeof value === "string" ? value : "";
};

/** What to say of an answer that is none. @param code as the service writes it */
export const refusal = (service: string, { status }: Answer, code: unknown): SopsError =>
  new SopsError("no-key", `${service} refused (${[status, shortCode(code)].filter(Boolean).join(" ")}).`);

export const formHeaders = { "content-type": "application/x-www-form-urlencoded" };
export const form = (fields: Record<string, string>): string => new URLSearchParams(fields).toString();
