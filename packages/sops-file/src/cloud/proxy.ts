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
  const name = ["https_proxy", "HTTPS_PROXY"].find((each) => environment[each]);
  if (told || name === undefined) return;
  // Going past it would send credentials a way that the runner's owner closed, or wait for a connection that never comes.
  if (!setGlobalProxyFromEnv)
    throw new SopsError(
      "no-key",
      `${name} names a proxy, which Node ${process.version} cannot be told to use (24.14 and newer can), so no service is asked. Update the runner; or, where services are reached without it, set \`${name}: ""\` in the \`env\` of this step.`,
    );
  // A server on this machine is asked without encryption, so no proxy may hear it.
  const direct = [environment.no_proxy || environment.NO_PROXY, "localhost", "127.0.0.1"].filter(Boolean).join(",");
  try {
    setGlobalProxyFromEnv({ ...environment, no_proxy: direct, NO_PROXY: direct });
  } catch {
    // Without the cause, which has the address with its password.
    throw new SopsError("no-key", "HTTPS_PROXY or HTTP_PROXY is not the address of a proxy; no service is asked.");
  }
  told = true;
}
