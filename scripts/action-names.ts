/** Which actions there are. Needs nothing that is installed, so that publishing can say what it would before `npm ci`. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

const actions = join(dirname(import.meta.dirname), "actions");

/** Folders under `actions/` that hold a published action. */
export function actionNames(): string[] {
  return readdirSync(actions).filter((name) => existsSync(join(actions, name, "action.yml")));
}
