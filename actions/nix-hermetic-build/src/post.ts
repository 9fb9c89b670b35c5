/** After the job: what was built here goes into the cache, signed, when this run may do so. */
import { getState } from "@actions/core";
import { readContext, readInputs, say } from "@goatnote/action-io";
import { openNix } from "@goatnote/nix-store";
import { save, withoutCache, withoutSave } from "./cache.ts";
import { contradictions, runInputs } from "./inputs.ts";

export async function post(): Promise<void> {
  const state = getState("outputs");
  if (state === "") return;
  const inputs = readInputs(runInputs, process.env, contradictions);
  const context = await readContext(process.env);
  const reason = withoutCache(inputs) ?? withoutSave(inputs, context);
  if (reason !== undefined) return say(reason);
  const outputs = JSON.parse(state) as string[];
  const used = JSON.parse(getState("used") || "[]") as string[];
  const { added, bytes, saved, evicted } = await save(await openNix(), outputs, used, inputs);
  if (added === 0) return say("The cache has all of it already; nothing is saved.");
  const what = `${added} objects (${(bytes / 1e6).toFixed(1)} MB) were signed and added, ${evicted} removed for their age.`;
  say(saved ? `Cache saved: ${what}` : `Cache not saved: the service took no entry. ${what}`);
}
