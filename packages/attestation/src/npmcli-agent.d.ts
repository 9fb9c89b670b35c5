declare module "@npmcli/agent" {
  import type { Agent } from "node:http";
  /** An agent for an address, with the proxies of the environment. */
  export function getAgent(url: string, options: { timeout?: number }): Agent;
}
