/** GCP KMS: https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/decrypt */
import { createSign } from "node:crypto";
import { existsSync } from "node:fs";
import { SopsError } from "../errors.ts";
import type { MasterKey } from "../metadata.ts";
import { type Answer, ask, fieldsOf, form, formHeaders, refusal, textField } from "./http.ts";
import { fileOf, once, type Session, variable } from "./session.ts";

/** What the environment offers, in words, first what SOPS takes first; undefined when nothing. */
export function googleSource(environment: Session["environment"]): string | undefined {
  const name = names.find((each) => environment[each]);
  return name && `Google credentials (${name})`;
}
const names = ["GOOGLE_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS"] as const;

/** Opens a data key. @throws SopsError with the reason */
export async function openGoogle(key: MasterKey, session: Session): Promise<Uint8Array> {
  const token = await once(session, "google", () => accessToken(session));
  const service = "GCP KMS";
  const answer = await ask({
    service,
    url: `https://cloudkms.googleapis.com/v1/${key.name}:decrypt`,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ ciphertext: key.enc }),
  });
  const plain = textField(fieldsOf(answer), "plaintext");
  if (answer.status !== 200 || plain === "")
    throw refusal(service, answer, textField(fieldsOf(answer).error, "status"));
  return Buffer.from(plain, "base64");
}

const scope = "https://www.googleapis.com/auth/cloud-platform";

async function accessToken(session: Session): Promise<string> {
  const inline = variable(session, "GOOGLE_CREDENTIALS");
  const given = variable(session, "GOOGLE_OAUTH_ACCESS_TOKEN");
  if (inline === "" && given !== "") return given;
  const name = inline === "" ? "GOOGLE_APPLICATION_CREDENTIALS" : "GOOGLE_CREDENTIALS";
  const path = session.environment[name] ?? "";
  const text = name === "GOOGLE_CREDENTIALS" && !existsSync(path) ? path : await fileOf(path, name);
  const credentials = fieldsOf({ text });
  switch (credentials.type) {
    case "service_account":
      return serviceAccount(credentials, session);
    case "external_account":
      return workloadIdentity(credentials, session);
    default:
      throw new SopsError(
        "unsupported",
        `${name} holds Google credentials that are neither a service account nor a workload identity.`,
      );
  }
}

// Any other host of Google's may be one that strangers put something on.
const addresses = {
  token_uri: /^https:\/\/oauth2\.googleapis\.com\/token$/,
  token_url: /^https:\/\/sts\.googleapis\.com\/v1\/token$/,
  service_account_impersonation_url:
    /^https:\/\/iamcredentials\.googleapis\.com\/v1\/projects\/-\/serviceAccounts\/[\w.-]+@[\w.-]+:generateAccessToken$/,
};

/** An address that the credentials name. They may not say where else they are sent. */
function addressIn(credentials: Record<string, unknown>, field: keyof typeof addresses, standard = ""): string {
  const url = textField(credentials, field) || standard;
  if (addresses[field].test(url)) return url;
  throw new SopsError(
    "unsupported",
    `The Google credentials have a \`${field}\` that is not Google's own address for it, which is refused.`,
  );
}

/** https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
async function serviceAccount(credentials: Record<string, unknown>, session: Session): Promise<string> {
  const key = textField(credentials, "private_key");
  session.secret(key);
  const url = addressIn(credentials, "token_uri", "https://oauth2.googleapis.com/token");
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: textField(credentials, "client_email"), scope, aud: url, iat: now, exp: now + 600 };
  const unsigned = `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}`;
  let signature: string;
  try {
    signature = createSign("RSA-SHA256").update(unsigned).sign(key, "base64url");
  } catch {
    throw new SopsError("no-key", "The private key of the Google service account cannot be read.");
  }
  const assertion = `${unsigned}.${signature}`;
  session.secret(assertion);
  const service = "Google's token service";
  const answer = await ask({
    service,
    url,
    headers: formHeaders,
    body: form({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion }),
  });
  return tokenIn(service, answer, "access_token", session);
}

/** https://google.aip.dev/auth/4117 */
async function workloadIdentity(credentials: Record<string, unknown>, session: Session): Promise<string> {
  const url = addressIn(credentials, "token_url");
  const impersonation =
    textField(credentials, "service_account_impersonation_url") &&
    addressIn(credentials, "service_account_impersonation_url");
  const service = "Google's token service";
  const answer = await ask({
    service,
    url,
    headers: formHeaders,
    body: form({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      audience: textField(credentials, "audience"),
      scope,
      requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
      subject_token_type: textField(credentials, "subject_token_type"),
      subject_token: await subjectToken(Object(credentials.credential_source), session),
    }),
  });
  const token = tokenIn(service, answer, "access_token", session);
  if (impersonation === "") return token;
  const impersonated = await ask({
    service,
    url: impersonation,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ scope: [scope], lifetime: "600s" }),
  });
  return tokenIn(service, impersonated, "accessToken", session);
}

async function subjectToken(source: Record<string, unknown>, session: Session): Promise<string> {
  const { format } = source;
  const read = (text: string): string => {
    const token =
      textField(format, "type") === "json"
        ? textField(fieldsOf({ text }), textField(format, "subject_token_field_name"))
        : text.trim();
    session.secret(token);
    return token;
  };
  const file = textField(source, "file");
  if (file !== "") return read(await fileOf(file, "the Google credentials"));
  const url = textField(source, "url");
  const own = session.environment.ACTIONS_ID_TOKEN_REQUEST_URL ?? "";
  if (!URL.canParse(url) || !URL.canParse(own) || new URL(url).origin !== new URL(own).origin)
    throw new SopsError(
      "unsupported",
      "The Google credentials take their token neither from a file nor from GitHub's OIDC provider.",
    );
  const headers = Object.fromEntries(
    Object.entries(Object(source.headers) as object).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );
  for (const value of Object.values(headers)) session.secret(value);
  const service = "GitHub's OIDC provider";
  const answer = await ask({ service, url, method: "GET", headers });
  if (answer.status !== 200) throw refusal(service, answer, "");
  return read(answer.text);
}

function tokenIn(service: string, answer: Answer, name: string, session: Session): string {
  const fields = fieldsOf(answer);
  const token = textField(fields, name);
  if (answer.status !== 200 || token === "")
    throw refusal(service, answer, textField(fields, "error") || textField(fields.error, "status"));
  session.secret(token);
  return token;
}
