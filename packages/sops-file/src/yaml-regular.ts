import type { Documents } from "./tree.ts";
export function readRegularYaml(_text: string): Documents | undefined {
  return undefined;
}
