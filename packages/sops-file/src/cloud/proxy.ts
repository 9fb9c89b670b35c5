/** Runners behind a proxy: Node's own `fetch` uses one only when told. */
import http from "node:http";
import { SopsError } from "../errors.ts";

// Newer than the oldest Node that can run this.
const { setGlobalProxyFromEnv } = http as {
  setGlobalProxyFromEnv?: (environment: Record<string, string | undefined>) => void;
};
let told = false;

/** Has requests go through the proxy that the environment names, if it names one. */
export function useProxy(environment: Readonly<Record<string, string | undefined>>): void {
  if (told || !(environment.https_proxy || environment.HTTPS_PROXY)) return;
  // A server on this machine is asked without encryption, so no proxy may hear it.
  const direct = [environment.no_proxy || environment.NO_PROXY, "localhost", "127.0.0.1"].filter(Boolean).join(",");
  try {
    setGlobalProxyFromEnv?.({ ...environment, no_proxy: direct, NO_PROXY: direct });
  } catch {
    // Without the cause, which has the address with its password.
    throw new SopsError("no-key", "HTTPS_PROXY or HTTP_PROXY is not the address of a proxy; no service is asked.");
  }
  told = true;
}
