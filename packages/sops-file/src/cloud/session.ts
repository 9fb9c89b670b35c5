/** What the services' clients share: the credentials of the environment, and who is told of each secret. */
import { readFile } from "node:fs/promises";
import { SopsError } from "../errors.ts";
import { ask, fieldsOf, refusal, textField } from "./http.ts";

export interface Session {
  environment: Readonly<Record<string, string | undefined>>;
  /** Is told each credential before it is sent anywhere. */
  secret: (value: string) => void;
  allowedRole: (arn: string) => boolean;
  /** Answers that are asked for once. */
  cache: Map<string, Promise<unknown>>;
}

/** The value of a variable; "" when it is not set. A name that says it is secret is told as one. */
export function variable({ environment, secret }: Session, name: string): string {
  const value = environment[name] ?? "";
  if (value !== "" && /SECRET|TOKEN$|CREDENTIALS$/.test(name) && !name.endsWith("_APPLICATION_CREDENTIALS"))
    secret(value);
  return value;
}

/** Makes something once. */
export function once<T>({ cache }: Session, key: string, make: () => Promise<T>): Promise<T> {
  const known = cache.get(key) as Promise<T> | undefined;
  if (known) return known;
  const made = make();
  cache.set(key, made);
  return made;
}

/** Whether GitHub gives this job tokens of its own (`id-token: write`). */
export const hasGithubToken = (environment: Session["environment"]): boolean =>
  Boolean(environment.ACTIONS_ID_TOKEN_REQUEST_URL && environment.ACTIONS_ID_TOKEN_REQUEST_TOKEN);

/** A token that says which workflow this is: https://docs.github.com/en/actions/reference/security/oidc */
export async function githubToken(session: Session, audience: string): Promise<string> {
  const url = new URL(variable(session, "ACTIONS_ID_TOKEN_REQUEST_URL"));
  url.searchParams.set("audience", audience);
  const service = "GitHub's OIDC provider";
  const answer = await ask({
    service,
    url: url.href,
    method: "GET",
    headers: { authorization: `Bearer ${variable(session, "ACTIONS_ID_TOKEN_REQUEST_TOKEN")}` },
  });
  const token = textField(fieldsOf(answer), "value");
  if (answer.status !== 200 || token === "") throw refusal(service, answer, "");
  session.secret(token);
  return token;
}

/** The content of a file that a variable names. */
export async function fileOf(path: string, name: string): Promise<string> {
  return (
    await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      throw new SopsError("no-key", `The file that ${name} names cannot be read (${error.code}).`);
    })
  ).trim();
}
