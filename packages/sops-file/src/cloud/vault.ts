/** The transit engine of HashiCorp Vault and OpenBao: https://openbao.org/api-docs/secret/transit/#decrypt-data */
import type { MasterKey } from "../metadata.ts";
import { partsOf } from "./allow-list.ts";
import { ask, fieldsOf, refusal, textField } from "./http.ts";
import { type Session, variable } from "./session.ts";

/** What the environment offers, in words; undefined when nothing. */
export const vaultSource = (environment: Session["environment"]): string | undefined =>
  environment.VAULT_TOKEN ? "a Vault token (VAULT_TOKEN)" : undefined;

/** Opens a data key. @throws SopsError with the reason */
export async function openVault(key: MasterKey, session: Session): Promise<Uint8Array> {
  const { address, engine, key: name } = partsOf("hc_vault", key.name) ?? {};
  const namespace = session.environment.VAULT_NAMESPACE;
  const service = `Vault (${address})`;
  const answer = await ask({
    service,
    url: `${address}/v1/${engine}/decrypt/${name}`,
    headers: {
      "content-type": "application/json",
      "x-vault-request": "true",
      "x-vault-token": variable(session, "VAULT_TOKEN"),
      ...(namespace && { "x-vault-namespace": namespace }),
    },
    body: JSON.stringify({ ciphertext: key.enc }),
  });
  const plain = textField(fieldsOf(answer).data, "plaintext");
  if (answer.status !== 200 || plain === "") throw refusal(service, answer, "");
  return Buffer.from(plain, "base64");
}
