// Runs before `npm start` and `npm test`, under whatever Node the machine has (20 or later): no dependency, no TypeScript.
// Installs the locked dependencies when they are not there yet. Among them is Node 24, which runs everything after this.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, "node_modules", ".setup-stamp");
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
// npm leaves out optional packages that want a newer Node than the one it runs under; below these nothing is left out.
const allInstalled = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
const stamp = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .update(`${allInstalled ? "" : process.version} ${process.platform} ${process.arch}`)
  .digest("hex");

if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== stamp) {
  console.log(
    "setup: installing the locked dependencies (once; two to three minutes the first time, with what follows)",
  );
  // npm names its own entry file in npm_execpath, so no shell is needed to start it, also on Windows.
  const npm = process.env.npm_execpath;
  const [command, ...args] = [...(npm?.endsWith("js") ? [process.execPath, npm] : ["npm"]), "ci", "--loglevel=error"];
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) {
    console.error(
      `setup: npm ci failed${error ? `: ${error.message}` : ""}. Mend what it says above and run the command again.`,
    );
    process.exit(1);
  }
  writeFileSync(stampFile, stamp);
}

const bundled = existsSync(join(root, "node_modules", ".bin", process.platform === "win32" ? "node.cmd" : "node"));
if (!bundled && (major < 24 || (major === 24 && minor < 15))) {
  console.error(
    `setup: Node ${process.versions.node} is too old here, and no Node 24 is packaged for ${process.platform} ${process.arch}. Install Node 24.15 or newer and run the command again.`,
  );
  process.exit(1);
}
