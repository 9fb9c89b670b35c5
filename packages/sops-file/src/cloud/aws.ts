/** AWS KMS: https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html */
import { createHash, createHmac } from "node:crypto";
import { SopsError } from "../errors.ts";
import type { MasterKey } from "../metadata.ts";
import { partsOf } from "./allow-list.ts";
import { type Answer, ask, fieldsOf, form, formHeaders, refusal, textField } from "./http.ts";
import { fileOf, githubToken, hasGithubToken, once, type Session, variable } from "./session.ts";

interface Credentials {
  id: string;
  secret: string;
  token: string;
}

const domains: Record<string, string> = {
  aws: "amazonaws.com",
  "aws-us-gov": "amazonaws.com",
  "aws-cn": "amazonaws.com.cn",
  "aws-eusc": "amazonaws.eu",
};

/** What the environment offers, in words; undefined when nothing. */
export function awsSource(environment: Session["environment"]): string | undefined {
  if (environment.AWS_ACCESS_KEY_ID && environment.AWS_SECRET_ACCESS_KEY) return "AWS credentials (AWS_ACCESS_KEY_ID)";
  if (environment.AWS_ROLE_ARN && (environment.AWS_WEB_IDENTITY_TOKEN_FILE || hasGithubToken(environment)))
    return "an AWS role (AWS_ROLE_ARN)";
  return undefined;
}

/** Opens a data key. @throws SopsError with the reason */
export async function openAws(key: MasterKey, session: Session): Promise<Uint8Array> {
  const { region = "", partition = "" } = partsOf("kms", key.name) ?? {};
  const domain = Object.hasOwn(domains, partition) ? domains[partition] : undefined;
  if (domain === undefined)
    throw new SopsError("unsupported", `AWS's partition ${partition} is not known here, so ${key.name} is not asked.`);
  const base = await once(session, `aws ${partition} ${region}`, () => ambient(session, region, domain));
  const credentials = key.role ? await assume(session, key.role, base, { region, partition, domain }) : base;
  const service = `AWS KMS (${region})`;
  const answer = await ask({
    service,
    ...sign(
      { service: "kms", region, host: `kms.${region}.${domain}`, credentials },
      {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "TrentService.Decrypt",
      },
      JSON.stringify({
        KeyId: key.name,
        CiphertextBlob: key.enc,
        ...(key.context && Object.keys(key.context).length > 0 && { EncryptionContext: key.context }),
      }),
    ),
  });
  const plain = textField(fieldsOf(answer), "Plaintext");
  if (answer.status !== 200 || plain === "") throw refusal(service, answer, textField(fieldsOf(answer), "__type"));
  return Buffer.from(plain, "base64");
}

async function ambient(session: Session, region: string, domain: string): Promise<Credentials> {
  const [id, secret, token] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map((name) =>
    variable(session, name),
  ) as [string, string, string];
  if (id !== "" && secret !== "") return { id, secret, token };
  const file = session.environment.AWS_WEB_IDENTITY_TOKEN_FILE ?? "";
  const identity =
    file === "" ? await githubToken(session, "sts.amazonaws.com") : await fileOf(file, "AWS_WEB_IDENTITY_TOKEN_FILE");
  session.secret(identity);
  const service = "AWS STS";
  const answer = await ask({
    service,
    url: `https://sts.${region}.${domain}/`,
    headers: formHeaders,
    body: form({ ...call("AssumeRoleWithWebIdentity", session.environment.AWS_ROLE_ARN!), WebIdentityToken: identity }),
  });
  return credentialsIn(service, answer, session);
}

/** A role that the file names, which the list must allow. */
function assume(
  session: Session,
  role: string,
  credentials: Credentials,
  { region, partition, domain }: { region: string; partition: string; domain: string },
): Promise<Credentials> {
  return once(session, `aws ${partition} ${region} ${role}`, async () => {
    const service = "AWS STS";
    const signed = sign(
      { service: "sts", region, host: `sts.${region}.${domain}`, credentials },
      formHeaders,
      form(call("AssumeRole", role)),
    );
    return credentialsIn(service, await ask({ service, ...signed }), session);
  });
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const call = (action: string, role: string): Record<string, string> => ({
  Action: action,
  Version: "2011-06-15",
  RoleArn: role,
  RoleSessionName: "goatnote-sops",
  DurationSeconds: "900",
});

function credentialsIn(service: string, answer: Answer, { secret }: Session): Credentials {
  const field = (name: string): string => new RegExp(`<${name}>([^<]+)</${name}>`).exec(answer.text)?.[1] ?? "";
  const found = { id: field("AccessKeyId"), secret: field("SecretAccessKey"), token: field("SessionToken") };
  if (answer.status !== 200 || Object.values(found).includes("")) throw refusal(service, answer, field("Code"));
  secret(found.secret);
  secret(found.token);
  return found;
}

interface Scope {
  service: string;
  region: string;
  host: string;
  credentials: Credentials;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** Signature version 4 of a POST: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function sign({ service, region, host, credentials }: Scope, headers: Record<string, string>, body: string) {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const day = time.slice(0, 8);
  const signed: Record<string, string> = {
    ...headers,
    host,
    "x-amz-date": time,
    ...(credentials.token !== "" && { "x-amz-security-token": credentials.token }),
  };
  const names = Object.keys(signed).sort();
  const lines = names.map((name) => `${name}:${signed[name]}\n`).join("");
  const canonical = ["POST", "/", "", lines, names.join(";"), sha256(body)].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const key = [day, region, service, "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${credentials.secret}`);
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.id}/${scope}, SignedHeaders=${names.join(";")}, Signature=${hmac(key, toSign).toString("hex")}`;
  const { host: _, ...sent } = signed;
  return { url: `https://${host}/`, headers: { ...sent, authorization }, body };
}
