/** Debian's reprotest on the same build. https://salsa.debian.org/reproducible-builds/reprotest */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { onPath } from "./tools.ts";
import type { Animal } from "./zoo.ts";

/** Whether it sees a difference; words where it gives no answer; undefined where it is not installed. */
export async function reprotest(folder: string, { build, artifact }: Animal): Promise<boolean | string | undefined> {
  if (!onPath("reprotest")) return undefined;
  // Outside of the sources, or it would be one of them.
  const script = join(dirname(folder), "build.sh");
  writeFileSync(script, build);
  const command = `bash --noprofile --norc -eo pipefail ${script}`;
  const argv = ["--no-diffoscope", "--verbosity", "0", "-c", command, folder, artifact];
  const child = spawn("reprotest", argv, { stdio: "ignore", timeout: 300_000 });
  const [code] = (await once(child, "close")) as [number | null];
  return code === 0 ? false : code === 1 ? true : "no answer";
}
