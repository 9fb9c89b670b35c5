import * as core from "@actions/core";
import { hello } from "@goatnote/action-io";
export async function run(name: string) {
  core.info(hello(name));
  if (name === "x") {
    const m = await import("./lazy.ts");
    await m.go();
  }
}
