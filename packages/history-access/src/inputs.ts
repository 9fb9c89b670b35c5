import { number, oneOf, secret, text, type Values } from "@goatnote/action-io";

/** The inputs of every action that touches history. */
export const storeInputs = {
  store: oneOf("auto", "artifact", "file"),
  "store-location": text("a folder, when `store` is `file`"),
  token: secret(),
  "history-depth": number({ min: 1, max: 100_000, integer: true }),
};

export type StoreInputs = Values<typeof storeInputs>;

/** What is wrong between the store inputs, one sentence for each mistake. */
export function storeContradictions({ store, "store-location": location }: StoreInputs): string[] {
  if (store === "file" && location === "")
    return ["Input `store` is `file`, which needs `store-location`: the folder that keeps the history."];
  if (store !== "file" && location !== "")
    return [`Input \`store-location\` is given, but \`store\` is \`${store}\`; set \`store: file\` to use the folder.`];
  return [];
}
