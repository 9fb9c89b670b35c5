import { number, oneOf, secret, text, type Values } from "@goatnote/action-io";
import { HISTORY_REF } from "@goatnote/ci-history";

/** The inputs of every action that touches history. */
export const storeInputs = {
  store: oneOf("auto", "ref", "branch", "artifact", "file"),
  "store-location": text("a folder, when `store` is `file`; a branch, when `store` is `branch`"),
  token: secret(),
  "history-depth": number({ min: 1, max: 100_000, integer: true }),
};

export type StoreInputs = Values<typeof storeInputs>;

/** Where history is kept. */
export type StoreKind = Exclude<StoreInputs["store"], "auto">;

/** What `auto` means. */
const autoStore: StoreKind = "ref";

/** Where history is kept, with `auto` decided. */
export const storeKind = ({ store }: Pick<StoreInputs, "store">): StoreKind => (store === "auto" ? autoStore : store);

/** The branch of the store `branch` where `store-location` names none. */
const standardBranch = "telemetry";

// Stricter than git, https://git-scm.com/docs/git-check-ref-format
const BRANCH = /^[0-9A-Za-z_][0-9A-Za-z_-]*([./][0-9A-Za-z_-]+)*$/;

/** The ref of the stores `ref` and `branch`. */
export const storeRef = (inputs: StoreInputs): string =>
  storeKind(inputs) === "branch" ? `refs/heads/${inputs["store-location"] || standardBranch}` : HISTORY_REF;

/** What is wrong between the store inputs, one sentence for each mistake. */
export function storeContradictions({ store, "store-location": location }: StoreInputs): string[] {
  if (store === "file" && location === "")
    return ["Input `store` is `file`, which needs `store-location`: the folder that keeps the history."];
  if (store === "branch" && location !== "" && (!BRANCH.test(location) || /\.lock(\/|$)/.test(location)))
    return [
      "Input `store` is `branch`, and `store-location` is no name of a branch; allowed: letters, digits, `_`, `-`, and between them `.` and `/`.",
    ];
  if (store !== "file" && store !== "branch" && location !== "")
    return [
      `Input \`store-location\` is given, but \`store\` is \`${store}\`; set \`store: file\` to use the folder, or \`store: branch\` to use the branch.`,
    ];
  return [];
}
