/**
 * Where requests to an image registry may go. The registry's client sends the password to whatever address the registry names
 * for its token service, and along its redirections.
 */
import { UserError } from "@goatnote/action-io";
import type { ImageName } from "./image-name.ts";

const isLoopback = (hostname: string): boolean => hostname === "localhost" || hostname === "127.0.0.1";

/**
 * A guard to be asked before each request of one login and what follows it, in their order.
 * @returns throws UserError for what is not encrypted, unless registry and address are both on this machine; and for a request
 * for a token that was redirected
 */
export function hopGuard({ registry, path }: ImageName): (url: URL) => void {
  const { hostname } = new URL(`https://${registry}`);
  let asked = 0;
  let tokenService = "";
  let isLoggingIn = true;
  return (url) => {
    if (url.protocol !== "https:" && !(isLoopback(hostname) && isLoopback(url.hostname)))
      throw new UserError(
        `The registry ${registry} leads to ${url.origin}, which is not encrypted; nothing was sent there`,
      );
    // When the image is asked for, the login is over. Its first request asks how to log in, and carries no password.
    if (url.pathname.includes(`/v2/${path}/manifests/`)) isLoggingIn = false;
    if (asked++ === 0 || !isLoggingIn) return;
    const address = `${url.origin}${url.pathname}`;
    if (tokenService === "") tokenService = address;
    if (tokenService !== address)
      throw new UserError(
        `The token service ${tokenService} of the registry ${registry} redirects to ${url.origin}; the password was not sent there`,
      );
  };
}
