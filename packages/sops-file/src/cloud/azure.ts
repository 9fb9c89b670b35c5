/** Azure Key Vault: https://learn.microsoft.com/rest/api/keyvault/keys/decrypt/decrypt */
import { SopsError } from "../errors.ts";
import type { MasterKey } from "../metadata.ts";
import { partsOf } from "./allow-list.ts";
import { ask, fieldsOf, form, formHeaders, refusal, textField } from "./http.ts";
import { fileOf, githubToken, hasGithubToken, once, type Session, variable } from "./session.ts";

/** For each of Azure's clouds, by the domain of its vaults, who gives tokens. A token goes to no other domain. */
const clouds: Record<string, { login: string; audience: string }> = {
  "vault.azure.net": { login: "login.microsoftonline.com", audience: "api://AzureADTokenExchange" },
  "vault.azure.cn": { login: "login.chinacloudapi.cn", audience: "api://AzureADTokenExchangeChina" },
  "vault.usgovcloudapi.net": { login: "login.microsoftonline.us", audience: "api://AzureADTokenExchangeUSGov" },
};

/** What the environment offers, in words; undefined when nothing. */
export function azureSource(environment: Session["environment"]): string | undefined {
  if (environment.AZURE_ACCESS_TOKEN) return "an Azure token (AZURE_ACCESS_TOKEN)";
  const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: client } = environment;
  const proof =
    environment.AZURE_CLIENT_SECRET || environment.AZURE_FEDERATED_TOKEN_FILE || hasGithubToken(environment);
  return tenant && client && proof ? "an Azure application (AZURE_CLIENT_ID)" : undefined;
}

/** Opens a data key. @throws SopsError with the reason */
export async function openAzure(key: MasterKey, session: Session): Promise<Uint8Array> {
  const { cloud = "" } = partsOf("azure_kv", key.name) ?? {};
  if (!Object.hasOwn(clouds, cloud))
    throw new SopsError("unsupported", `${key.name} is in no cloud of Azure that is known here, and is not asked.`);
  const token = await once(session, `azure ${cloud}`, () => accessToken(cloud, session));
  const service = "Azure Key Vault";
  const answer = await ask({
    service,
    url: `${key.name}/decrypt?api-version=7.4`,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ alg: "RSA-OAEP-256", value: key.enc }),
  });
  const plain = textField(fieldsOf(answer), "value");
  if (answer.status !== 200 || plain === "") throw refusal(service, answer, textField(fieldsOf(answer).error, "code"));
  return Buffer.from(plain, "base64url");
}

/** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
async function accessToken(cloud: string, session: Session): Promise<string> {
  const given = variable(session, "AZURE_ACCESS_TOKEN");
  if (given !== "") return given;
  const { login, audience } = clouds[cloud]!;
  const tenant = session.environment.AZURE_TENANT_ID ?? "";
  if (!/^[\w-]+(?:\.[\w-]+)*$/.test(tenant)) throw new SopsError("no-key", "AZURE_TENANT_ID is no name of a tenant.");
  const secret = variable(session, "AZURE_CLIENT_SECRET");
  const file = session.environment.AZURE_FEDERATED_TOKEN_FILE ?? "";
  let proof: Record<string, string> = { client_secret: secret };
  if (secret === "") {
    const assertion =
      file === "" ? await githubToken(session, audience) : await fileOf(file, "AZURE_FEDERATED_TOKEN_FILE");
    session.secret(assertion);
    proof = {
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: assertion,
    };
  }
  const service = "Azure's token service";
  const answer = await ask({
    service,
    url: `https://${login}/${tenant}/oauth2/v2.0/token`,
    headers: formHeaders,
    body: form({
      grant_type: "client_credentials",
      client_id: session.environment.AZURE_CLIENT_ID ?? "",
      scope: `https://${cloud}/.default`,
      ...proof,
    }),
  });
  const token = textField(fieldsOf(answer), "access_token");
  if (answer.status !== 200 || token === "") throw refusal(service, answer, textField(fieldsOf(answer), "error"));
  session.secret(token);
  return token;
}
