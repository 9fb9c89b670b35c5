import { cache, restoreCache, saveCache } from "./cache.ts";
import { checkout } from "./checkout.ts";
import { downloadArtifact } from "./download-artifact.ts";
import { setup } from "./setup.ts";
import type { StandIn } from "./stand-in.ts";
import { uploadArtifact } from "./upload-artifact.ts";

const standIns: Record<string, StandIn> = {
  "actions/checkout": checkout,
  "actions/upload-artifact": uploadArtifact,
  "actions/download-artifact": downloadArtifact,
  "actions/cache": cache,
  "actions/cache/restore": restoreCache,
  "actions/cache/save": saveCache,
  "actions/setup-node": setup("node", ["--version"]),
  "actions/setup-python": setup("python", ["--version"], "python3"),
  "actions/setup-go": setup("go", ["version"]),
  "actions/setup-java": setup("java", ["--version"]),
  "astral-sh/setup-uv": setup("uv", ["--version"]),
};

/** The stand-in for `owner/name[/path]`, whatever its ref; undefined when there is none. */
export function standIn(name: string): StandIn | undefined {
  return standIns[name.toLowerCase()];
}
