/** The installer's gate: an archive with another digest is not unpacked, and what is missing is said. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = join(import.meta.dirname, "../../actions/nix-hermetic-build/install.sh");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "install-"));
  mkdirSync(join(folder, "bin"));
  for (const tool of ["bash", "uname", "mktemp", "sha256sum", "rm", "cat", "id", "mkdir"]) {
    const { stdout } = spawnSync("which", [tool], { encoding: "utf8" });
    symlinkSync(stdout.trim(), join(folder, "bin", tool));
  }
  // In place of the network, an archive of these bytes; `tar` notes that it was called.
  program("curl", 'echo "$@"; while [ "$1" != --output ]; do shift; done; printf archive > "$2"');
  program("tar", `: > ${folder}/unpacked; exit 1`);
});
afterEach(() => rmSync(folder, { recursive: true }));

const program = (name: string, text: string): void =>
  writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });

function install(env: Record<string, string>) {
  const given = { INSTALL_NIX: "auto", NIX_VERSION: "2.34.8", NIX_SHA256: "1".repeat(64) };
  const paths = { PATH: join(folder, "bin"), HOME: folder, RUNNER_TEMP: folder, GITHUB_PATH: join(folder, "path") };
  const { status, stdout } = spawnSync("/bin/bash", [script], {
    env: { ...given, ...paths, ...env },
    encoding: "utf8",
  });
  return { status, stdout, unpacked: existsSync(join(folder, "unpacked")) };
}

test("another digest is refused before anything is unpacked", () => {
  const { status, stdout, unpacked } = install({});
  expect([status, unpacked]).toEqual([1, false]);
  expect(stdout).toMatch(/has the SHA-256 [0-9a-f]{64}, not 1{64}\. Nothing was unpacked.*\.tar\.xz\.sha256$/m);
});

test("the digest that was named is unpacked", async () => {
  const digest = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from("archive"))).toString("hex");
  expect(install({ NIX_SHA256: digest }).unpacked).toBe(true);
});

test.each([
  [{ INSTALL_NIX: "never" }, /install-nix is never/],
  [{ INSTALL_NIX: "yes" }, /allowed: auto or never/],
  [{ NIX_SHA256: "" }, /Set nix-version and nix-sha256/],
  [{ NIX_SHA256: "0".repeat(64) }, /placeholder of zeros.*nix-2\.34\.8-\S+\.tar\.xz\.sha256/],
  [{ NIX_VERSION: "../2" }, /Set nix-version and nix-sha256/],
])("%o is refused", (env, reason) => {
  const { status, stdout } = install(env as Record<string, string>);
  expect([status, stdout]).toEqual([1, expect.stringMatching(reason)]);
});

test("a Nix that is there serves", () => {
  program("nix", "echo nix 9.9");
  expect(install({})).toMatchObject({ status: 0, stdout: expect.stringContaining("Nix is there: nix 9.9") });
});

test.each([
  ["nix (Nix) 9.9", true],
  ["nix (Nix) 2.34.8", false],
])("%s, where 2.34.8 was asked for, is told: %s", (version, told) => {
  program("nix", `echo "${version}"`);
  const { status, stdout } = install({});
  expect(status).toBe(0);
  expect(stdout.includes("::warning")).toBe(told);
  if (told) expect(stdout).toMatch(/::warning .*'2\.34\.8'.*'nix \(Nix\) 9\.9'/);
});

test("what the job's environment says moves neither the source nor the installer", async () => {
  const digest = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from("archive"))).toString("hex");
  program(
    "tar",
    `mkdir -p "$4/nix-2.34.8-$(uname -m)-linux"; printf '#!/bin/sh\\necho installer: "$@"; cat -- "$3" "$HOME/.config/nix/nix.conf" 2> /dev/null || :\\n' > "$4/nix-2.34.8-$(uname -m)-linux/install"; chmod +x "$4/nix-2.34.8-$(uname -m)-linux/install"`,
  );
  symlinkSync(spawnSync("which", ["chmod"], { encoding: "utf8" }).stdout.trim(), join(folder, "bin/chmod"));
  const { status, stdout } = install({
    NIX_SHA256: digest,
    NIX_RELEASES: "https://example.org",
    NIX_INSTALL_OPTIONS: "--evil",
  });
  expect([status, stdout]).toEqual([0, expect.stringMatching(/installer: --(no-)?daemon/)]);
  // In the file that a daemon's installer is handed, or in the user's own.
  expect(stdout).toMatch(/^sandbox-fallback = false$/m);
  expect(/--daemon --nix-extra-conf-file /.test(stdout)).toBe(/^trusted-users = root \S+$/m.test(stdout));
  expect(stdout).toContain("https://releases.nixos.org/nix/nix-2.34.8/");
  expect(stdout).not.toMatch(/example\.org|--evil/);
});
