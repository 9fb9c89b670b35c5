/** The closure against its base: judged by `nix store diff-closures`, and found by the built action in a git checkout. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "@goatnote/action-io";
import {
  build as buildNix,
  compareClosures,
  type Nix,
  openNix,
  type PackageChange,
  pathInfo,
} from "@goatnote/nix-store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { generations, type Lab, makeLab } from "./lab.ts";
import { type Ran, Runner, readable } from "./runner.ts";

const bytes = (count: number): string => `\${./bin}/busybox head -c ${count} /dev/zero > $out`;
/** A program that refers to some things, so that they are its closure. */
const program = (things: Record<string, string>): string =>
  `let things = { ${Object.entries(things)
    .map(([name, script]) => `"${name}" = make "${name}" "${script}";`)
    .join(" ")} }; in make "app-1.0" "echo \${toString (builtins.attrValues things)} > $out"`;

const before = {
  "kept-1.0": bytes(100),
  "grown-1.0": bytes(100),
  "gone-3.1": bytes(30_000),
  "newer-1.0": bytes(50_000),
  "tool-1.0-dev": bytes(20_000),
  "plain-name": bytes(9000),
};
const after = {
  "kept-1.0": `: otherwise; ${bytes(100)}`,
  "grown-1.0": bytes(70_000),
  "newer-1.1": bytes(40_000),
  "tool-1.0": bytes(20_000),
  "fresh-0.1-unstable": bytes(10_000),
  "also-2": bytes(10),
};

const actions = await build();

describe.each(generations)("%s", (peer) => {
  describeWithPeer(peer, (nixProgram) => {
    let lab: Lab;
    let nix: Nix;
    let runner: Runner;
    beforeAll(async () => {
      lab = makeLab();
      Object.assign(process.env, lab.environment);
      nix = await openNix(nixProgram);
      runner = await Runner.start(actions, nixProgram, lab);
    });
    afterAll(async () => {
      await runner.backend.close();
      lab.remove();
    });

    const packages = (things: Record<string, string>): string => `packages.\${system}.default = ${program(things)};`;
    async function closureOf(flake: string) {
      const [made] = (await buildNix(nix, [flake])).results;
      const path = made!.outputs.out!;
      return { path, closure: await pathInfo(nix, [path], { recursive: true }) };
    }

    test("is what `nix store diff-closures` says, and names what is smaller than it tells", async () => {
      const [old, fresh] = [
        await closureOf(`path:${lab.flake("before", packages(before))}`),
        await closureOf(`path:${lab.flake("after", packages(after))}`),
      ];
      const { stdout } = await run([
        ...([nixProgram, "store", "diff-closures"] as const),
        ...[old.path, fresh.path, "--extra-experimental-features", "nix-command"],
      ]);
      const difference = compareClosures(old.closure, fresh.closure);
      const told = difference.packages.filter(
        ({ removed, added, growth }) => removed.length + added.length > 0 || Math.abs(growth) >= 8 * 1024,
      );
      const colours = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");
      expect(told.map(asNix).sort()).toEqual(
        stdout.replace(colours, "").replaceAll(" +", " ").trim().split("\n").sort(),
      );
      expect(told).toHaveLength(6);
      expect(difference.rebuilt).toBe(2); // the program itself, and what was kept
      const size = (closure: readonly { narSize: number }[]) => closure.reduce((sum, each) => sum + each.narSize, 0);
      expect([difference.sizeBefore, difference.sizeAfter]).toEqual([size(old.closure), size(fresh.closure)]);
      const growth = difference.packages.reduce((sum, each) => sum + each.growth, 0);
      expect(growth).toBe(difference.sizeAfter - difference.sizeBefore);
    });

    describe("in a checkout", () => {
      let at: string;
      const git = (...args: string[]): string =>
        execFileSync("git", ["-C", at, "-c", "user.name=x", "-c", "user.email=x@example.org", ...args], {
          encoding: "utf8",
        }).trim();
      const change = (things: Record<string, string>, message: string): string => {
        lab.flake("checkout/below", packages(things));
        git("add", ".");
        git("commit", "-qm", message);
        return git("rev-parse", "HEAD");
      };
      const job = (payload: object, inputs: Record<string, string> = {}): Promise<Ran> =>
        runner.job({ flake: at, check: "false", ...inputs }, { payload });
      const report = ({ outputs }: Ran) => JSON.parse(readFileSync(outputs.report!, "utf8")).difference;
      let base: string;
      beforeAll(() => {
        at = lab.flake("checkout/below", packages(before));
        git("init", "-q", "-b", "main", "..");
        base = change({ ...before, "base-1": bytes(10) }, "first");
        change(after, "second");
      });

      test("the commit before a push is compared when its results are in the store, and not built for it", async () => {
        const cold = await job({ before: base });
        expect(cold.code, cold.log).toBe(0);
        expect(report(cold).not_compared).toMatch(/its results are in no cache/);
        expect(cold.outputs["closure-growth"]).toBe("");
        expect(readable(cold.summary)).toMatch(/not compared: commit [0-9a-f]{12}: its results are in no cache/);
        expect((await buildNix(nix, [`git+file://${dirname(at)}?dir=below&rev=${base}`])).code).toBe(0);
        const warm = await job({ before: base });
        expect(warm.code, warm.log).toBe(0);
        const { packages: changed, sizeBefore, sizeAfter } = report(warm);
        expect(changed.map(({ name }: PackageChange) => name)).toEqual(
          expect.arrayContaining(["grown", "gone", "newer", "fresh", "also", "plain"]),
        );
        expect(warm.outputs["closure-growth"]).toBe(String(sizeAfter - sizeBefore));
        const summary = readable(warm.summary);
        expect(summary).toContain("| `newer` | changed | 1.0 | 1.1 | −10.0 kB |");
        expect(summary).toContain("| `gone` | removed | 3.1 | ∅ | −30.1 kB |");
        expect(summary).toContain("| `fresh` | added | ∅ | 0.1 | +10.1 kB |");
        expect(summary).toMatch(/\| `grown` \| size \| +\| +\| \+69\.9 kB \|/);
        expect(summary).toMatch(/\| total \| +\| 110\.\d kB \| 141\.\d kB \| \+30\.7 kB \|/);
      });

      test("a base that is named is built, and one that has nothing to compare is told", async () => {
        const other = `path:${lab.flake("named", packages({ ...after, "one-more-5": bytes(200_000) }))}`;
        const named = await job({}, { base: other });
        expect(named.code, named.log).toBe(0);
        expect(report(named)).toMatchObject({
          base: other,
          packages: [
            { name: "one-more", removed: ["5"] },
            { name: "app", growth: -72 },
          ],
        });
        const without = await job({});
        expect(report(without).not_compared).toContain("has no commit to compare with");
        expect(report(await job({ before: base }, { base: "none" })).not_compared).toBe("`base` is `none`");
        const lost = await job({ before: "1".repeat(40) });
        expect(report(lost).not_compared).toContain("is not in this clone");
        expect(lost.code).toBe(0);
        const empty = `path:${lab.flake("empty", `packages.\${system}.other = make "other" "echo > $out";`)}`;
        expect(report(await job({}, { base: empty })).not_compared).toMatch(/does not provide attribute/);
        const { log } = await job({}, { base: "--impure" });
        expect(log).toContain("takes for an option");
      });

      test("a clone of the last two commits is enough", async () => {
        const shallow = join(lab.folder, "shallow");
        execFileSync("git", ["clone", "-q", "--depth=2", `file://${dirname(at)}`, shallow]);
        const ran = await runner.job({ flake: join(shallow, "below"), check: "false" }, { payload: { before: base } });
        expect(report(ran), ran.log).toMatchObject({ base: `commit ${base.slice(0, 12)}` });
      });
    });
  });
});

/** A line as Nix writes it; its older generations put a plus before growth. */
function asNix({ name, removed, added, growth }: PackageChange): string {
  const versions = (all: string[]): string =>
    all.length === 0 ? "∅" : all.map((version) => version || "ε").join(", ");
  const change = removed.length + added.length > 0 ? [`${versions(removed)} → ${versions(added)}`] : [];
  const size = Math.abs(growth) >= 8 * 1024 ? [`${(growth / 1024).toFixed(1)} KiB`] : [];
  return `${name}: ${[...change, ...size].join(", ")}`;
}
