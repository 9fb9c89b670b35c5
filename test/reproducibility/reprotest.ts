import type { Animal } from "./zoo.ts";
export async function reprotest(_folder: string, _animal: Animal): Promise<boolean | string | undefined> {
  return undefined;
}
