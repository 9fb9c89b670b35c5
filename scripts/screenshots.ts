/**
 * Takes the pictures of job summaries that the documentation shows, from rehearsals of the actions as they are now.
 *
 *   node scripts/screenshots.ts [--to <folder>] [--all]    action-docs/images by default; --all takes every summary, to look at
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { ofAttest, ofNix, ofReproCheck, ofSelection, ofSops } from "../test/summaries/collect.ts";
import { screenshot } from "../test/summaries/render.ts";
import { locate } from "./peers.ts";

/** The pictures that are shown somewhere: the kind and the job. */
const shown = ["selection-select"];

const { values } = parseArgs({ options: { to: { type: "string" }, all: { type: "boolean" } } });
const to = values.to ?? join(dirname(import.meta.dirname), "action-docs/images");

const tool = (name: string): string => {
  const path = locate(name);
  if (!path) throw new Error(`${name} is not installed; npm run peers ${name}`);
  return path;
};
const browser = {
  chromium: tool("chromium"),
  mermaid: join(dirname(tool("mermaid")), "../mermaid/dist/mermaid.min.js"),
};
const kinds: Record<string, () => Promise<Map<string, string>>> = {
  selection: ofSelection,
  ...(values.all && {
    "repro-check": ofReproCheck,
    "slsa-attest": ofAttest,
    "sops-decrypt": () => ofSops(tool("sops")),
    "nix-hermetic-build": () => ofNix(tool("nix")),
  }),
};
mkdirSync(to, { recursive: true });
for (const [kind, collect] of Object.entries(kinds)) {
  for (const [job, summary] of await collect()) {
    const name = `${kind}-${job}`;
    if (!values.all && !shown.includes(name)) continue;
    if (values.all) writeFileSync(join(to, `${name}.md`), summary);
    writeFileSync(join(to, `${name.replace("fails_", "")}.png`), screenshot(browser, summary));
    console.log(`screenshots: ${name}`);
  }
}
