/** Runners behind a proxy: Node's own `fetch` uses one only when told. */
import http from "node:http";

// Newer than the oldest Node that can run this.
const { setGlobalProxyFromEnv } = http as {
  setGlobalProxyFromEnv?: (environment: Record<string, string | undefined>) => void;
};
let told = false;

/** Has requests go through the proxy that the environment names, if it names one. */
export function useProxy(environment: Readonly<Record<string, string | undefined>>): void {
  if (told || !(environment.https_proxy || environment.HTTPS_PROXY)) return;
  told = true;
  setGlobalProxyFromEnv?.({ ...environment });
}
