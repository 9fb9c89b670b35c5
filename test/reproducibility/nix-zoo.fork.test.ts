/**
 * What the check finds in a zoo of derivations, with Nix of three generations: every leak that Nix lets through, its cause,
 * and what brings it about; nothing where nothing leaks. With `REMAKE_ZOO=1` it writes the table of the documentation.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { childEnvironment } from "@goatnote/action-io";
import {
  buildsInProcess,
  checkInstallable,
  examineMachine,
  type NixChecked,
  variationNames,
} from "@goatnote/build-comparison";
import { type Nix, openNix } from "@goatnote/nix-store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build as buildActions } from "../../scripts/build.ts";
import { runEntry } from "../loop/entry.ts";
import { generations, type Lab, makeLab } from "../nix/lab.ts";
import { describeWithPeer } from "../peers.ts";
import { project } from "./check.ts";
import { type NixAnimal, nixZoo, nixZooFlake, nixZooSettings } from "./nix-zoo.ts";

const remake = process.env.REMAKE_ZOO === "1";
const page = join(import.meta.dirname, "../../packages/build-comparison/nix-zoo.md");
const found = new Map<string, Map<string, string>>();
const row = ({ name, leak, cause, by }: NixAnimal): string =>
  `| ${name} | ${leak || "nothing"} | ${cause ?? "identical"} | ${by === "always" ? "every build" : (by ?? "")} |`;
const needed = ["path", "time", "kernel", "cpus", "file-order", "parallelism"];

describe.each(generations)("%s", (peer) => {
  describeWithPeer(peer, (program) => {
    let lab: Lab;
    let nix: Nix;
    let flake: string;
    // Other tests, and what was killed before, may have folders there too.
    const inMemory = (): string[] => readdirSync("/dev/shm").filter((name) => /^repro-check-[^-]{6}$/.test(name));
    const before = { environment: { ...process.env }, memory: inMemory() };
    beforeAll(async () => {
      lab = makeLab(nixZooSettings);
      Object.assign(process.env, lab.environment);
      flake = `path:${lab.flake("zoo", nixZooFlake)}`;
      nix = await openNix(program);
    });
    afterAll(() => {
      for (const name of Object.keys(lab?.environment ?? {})) delete process.env[name];
      Object.assign(process.env, before.environment);
      lab?.remove();
    });

    const check = async (
      name: string,
      bisect: boolean,
      tell: (text: string) => void = () => {},
    ): Promise<NixChecked> => {
      const folder = mkdtempSync("/var/tmp/nix-zoo-");
      const cleaning = [async () => rmSync(folder, { recursive: true, force: true })];
      try {
        const machine = await examineMachine(childEnvironment(process.env));
        const inProcess = buildsInProcess(nix, process.env, process.getuid?.() ?? -1);
        const onClean = (clean: () => Promise<void>): void => void cleaning.push(clean);
        return await checkInstallable(
          {
            installable: `${flake}#${name}`,
            asked: variationNames,
            bisect,
            deadline: Date.now() + 500_000,
            cwd: lab.folder,
          },
          { nix, machine, inProcess, folder, onClean },
          tell,
        );
      } finally {
        for (const clean of cleaning) await clean();
      }
    };

    test.each(nixZoo)("$name", { timeout: 600_000 }, async ({ name, cause, by }) => {
      const { variations, derivations } = await check(name, cause !== undefined);
      const applied = variations.filter(({ status }) => status === "applied").map((each) => each.name);
      if (process.env.REQUIRE_PEERS === "1") expect(applied.toSorted()).toEqual(needed.toSorted());
      expect(derivations).toHaveLength(1);
      const [{ verdict, findings }] = derivations as [NixChecked["derivations"][number]];
      const column = found.get(name) ?? new Map<string, string>();
      found.set(name, column.set(nix.version, verdict));
      // A machine that cannot vary this cannot find it either.
      const possible = by === undefined || by === "always" || (applied as string[]).includes(by);
      expect(verdict).toBe(cause && possible ? "different" : "identical");
      if (!cause || !possible) return;
      expect(findings.map(({ causes }) => causes)).toEqual([[cause]]);
      if (by === "always") expect(findings[0]?.always).toBe(true);
      else expect(findings[0]?.provokedBy).toContain(by);
    });

    test("an input that differs is found, and what takes it in and is the same itself is identical", async () => {
      const { derivations, closureDigest, closure } = await check("dependent", false);
      expect(derivations.map(({ name, verdict }) => [name, verdict])).toEqual([
        ["random", "different"],
        ["dependent", "identical"],
      ]);
      expect(closure).toHaveLength(2);
      expect(closureDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
    });

    test("what is content-addressed and only built from is compared too, by derivation and not by name", async () => {
      const told: string[] = [];
      const { derivations } = await check("twins", true, (text) => told.push(text));
      expect(derivations.map(({ name, verdict }) => `${name} ${verdict}`).sort()).toEqual([
        "twin different",
        "twin identical",
        "twins identical",
      ]);
      // Once under all variations and once under none, for all three.
      expect(told.filter((text) => text.includes("in a store of its own"))).toHaveLength(2);
    });

    test("nothing is left of the builds again", () => {
      const store = readdirSync(join(lab.folder, "store"));
      expect(store.filter((name) => name.endsWith(".check"))).toEqual([]);
      expect(inMemory().filter((name) => !before.memory.includes(name))).toEqual([]);
    });

    describe("the action", () => {
      let actions: string;
      beforeAll(async () => {
        actions = await buildActions();
      });
      const run = async (
        installable: string,
        inputs: Record<string, string> = {},
        environment: Record<string, string> = {},
      ) => {
        const { folder, remove } = project({ a: "a\n" });
        const path = `${dirname(program)}:${process.env.PATH}`;
        const ended = await runEntry(actions, "repro-check", { installable, ...inputs }, folder, {
          ...lab.environment,
          PATH: path,
          ...environment,
        });
        const report = ended.outputs.report ? JSON.parse(readFileSync(ended.outputs.report, "utf8")) : undefined;
        remove();
        return { ...ended, report };
      };

      test("tells which derivation differs, and why", { timeout: 300_000 }, async () => {
        const { code, outputs, summary, log, report } = await run(`${flake}#dependent`);
        expect(outputs, log).toMatchObject({ verdict: "different", causes: "uuid" });
        expect(basename(outputs.nondeterministic ?? "")).toMatch(/^\w{32}-random\.drv$/);
        expect(outputs["closure-digest"]).toMatch(/^sha256:/);
        expect(summary).toContain("random");
        expect(report.nix.derivations).toHaveLength(2);
        expect(code).toBe(1);
      });

      test("passes what is the same, and names the scope", { timeout: 300_000 }, async () => {
        const { code, outputs, log } = await run(`${flake}#clean`);
        expect(outputs, log).toMatchObject({ verdict: "identical", nondeterministic: "" });
        expect(log).toMatch(/No difference found in 1 derivation \(varied path,/);
        expect(code).toBe(0);
      });

      test("does not pass what does not end in time", { timeout: 300_000 }, async () => {
        const { code, outputs, log } = await run(`${flake}#slow`, { timeout: "15s" });
        expect(outputs, log).toMatchObject({ verdict: "not-checked", nondeterministic: "" });
        expect(log).toMatch(/did not end in time|no time left/);
        expect(code).toBe(1);
      });

      test("ends a first build that does not end", async () => {
        const { code, outputs, log } = await run(`${flake}#hanging`, { timeout: "3s" });
        expect(outputs, log).toMatchObject({ verdict: "not-checked" });
        expect(log).toContain("first build");
        expect(code).toBe(1);
      });

      test("does not pass what evaluation builds for itself", { timeout: 300_000 }, async () => {
        const { code, outputs, log } = await run(`${flake}#imported`);
        expect(outputs, log).toMatchObject({ verdict: "not-checked" });
        expect(log).toContain("allow-import-from-derivation");
        expect(code).toBe(1);
      });

      test("compares on this machine, whatever builders are set", { timeout: 300_000 }, async () => {
        const environment = { NIX_CONFIG: `builders = ${join(lab.folder, "elsewhere")}\nmax-jobs = 0` };
        const { outputs, log } = await run(`${flake}#date`, { vary: "time" }, environment);
        expect(["different", "not-checked"], log).toContain(outputs.verdict);
      });

      test("does not pass what cannot be built", { timeout: 300_000 }, async () => {
        const { code, outputs, log } = await run(`${flake}#none`);
        expect(outputs, log).toMatchObject({ verdict: "not-checked", "closure-digest": "" });
        expect(code).toBe(1);
      });
    });
  });
});

if (remake) {
  afterAll(() => {
    const versions = [...new Set([...found.values()].flatMap((each) => [...each.keys()]))];
    const rows = nixZoo.map((animal) => {
      const columns = versions.map((version) => found.get(animal.name)?.get(version) ?? "");
      return `${row(animal)} ${columns.join(" | ")} |`;
    });
    writeFileSync(
      page,
      `<!-- Written by \`REMAKE_ZOO=1 npx vitest run test/reproducibility/nix-zoo.fork.test.ts\`. -->
# What the check finds in derivations of Nix

${nixZoo.length} small derivations (test/reproducibility/nix-zoo.ts), each built again under all variations that Nix lets through, on Linux as root with the sandbox on. What the sandbox makes the same for every build is identical, and no fault.

| derivation | what leaks | cause named | brought about by | ${versions.map((version) => `Nix ${version}`).join(" | ")} |
| --- | --- | --- | --- | ${versions.map(() => "---").join(" | ")} |
${rows.join("\n")}
`,
    );
  });
} else {
  test("the table of the documentation names every derivation, its leak and its cause", () => {
    const text = readFileSync(page, "utf8");
    expect(nixZoo.map(row).filter((line) => !text.includes(line))).toEqual([]);
  });
}
