import type { VariationReport } from "@goatnote/build-comparison";
import { describe, expect, test } from "vitest";
import { askedVariations, contradictions } from "./inputs.ts";
import { judge, judgeNix } from "./verdict.ts";

const report = (status: VariationReport["status"], name: VariationReport["name"] = "path"): VariationReport => ({
  name,
  status,
  detail: "",
});
const published = { name: "assets", equal: true, rows: [], notBuilt: [] };
const same = { differences: [] };
const differs = { differences: [{ path: "out", kind: "content" as const }] };

describe("a verdict", () => {
  test.each([
    [
      "names what was varied",
      same,
      [report("applied"), report("applied", "time")],
      [],
      undefined,
      "identical",
      /^No difference found \(varied path and time\)\.$/,
    ],
    [
      "of builds under equal conditions says so",
      same,
      [report("not-asked")],
      [],
      undefined,
      "identical",
      /equal conditions/,
    ],
    [
      "is none when nothing could be varied",
      same,
      [report("unavailable"), report("no-effect", "time")],
      [],
      undefined,
      "not-checked",
      /No variation/,
    ],
    [
      "is none when what was asked for by name is missing",
      same,
      [report("applied"), report("unavailable", "time")],
      ["time" as const],
      undefined,
      "not-checked",
      /time/,
    ],
    [
      "is none when what was asked for by name had no effect",
      same,
      [report("applied"), report("no-effect", "cpus")],
      ["cpus" as const],
      undefined,
      "not-checked",
      /cpus/,
    ],
    [
      "is none when what was asked for by name breaks the build",
      same,
      [report("applied"), report("breaks-build", "network")],
      ["network" as const],
      undefined,
      "not-checked",
      /network/,
    ],
    [
      "is different whatever was varied",
      differs,
      [report("unavailable")],
      ["path" as const],
      undefined,
      "different",
      /1 path differs/,
    ],
    [
      "is different when the published result is",
      same,
      [report("applied")],
      [],
      { ...published, equal: false, rows: [{ path: "out", result: "differs" as const }] },
      "different",
      /assets is not the same: 1 file differs\.$/,
    ],
    [
      "is different when something is not published",
      same,
      [report("applied")],
      [],
      { ...published, equal: false, rows: [{ path: "out", result: "not published" as const }] },
      "different",
      /assets is not the same: 1 file that was built is not there\.$/,
    ],
    [
      "is none when it is not clear what is published",
      same,
      [report("applied")],
      [],
      { ...published, equal: false, rows: [{ path: "out", result: "ambiguous" as const }] },
      "not-checked",
      /not clear which/,
    ],
    [
      "names the published result",
      same,
      [report("applied")],
      [],
      { ...published, notBuilt: ["extra.txt"] },
      "identical",
      /assets, of which 1 that this build does not make were not compared/,
    ],
  ])("%s", (_, comparison, variations, named, reference, verdict, words) => {
    const outcome = judge(comparison, variations, named, reference);
    expect(outcome.verdict).toBe(verdict);
    expect(outcome.sentence).toMatch(words);
    expect(outcome.sentence).not.toMatch(/reproducible/i);
  });
});

test("a verdict says in its sentence what both builds may have shared", () => {
  const { verdict, sentence } = judge(same, [report("applied")], [], undefined, ["a may be", "b may be"]);
  expect({ verdict, sentence }).toEqual({
    verdict: "identical",
    sentence: "No difference found (varied path), though a may be and b may be.",
  });
});

describe("a verdict on what Nix builds", () => {
  const checked = (verdict: "identical" | "different" | "not-checked", tried = true, name = "a") => ({
    derivation: `/nix/store/${name}.drv`,
    name,
    verdict,
    tried,
    detail: "why",
    findings: [],
    bisection: "not-needed" as const,
  });
  const roots = [{ derivation: "/nix/store/a.drv" }];
  const variations = [report("applied")];
  test.each([
    [
      "is identical when it was built again",
      [checked("identical")],
      [],
      "identical",
      /1 derivation \(varied path\)\.$/,
    ],
    [
      "tells what was not built again",
      [checked("not-checked", false, "b"), checked("identical")],
      [],
      "identical",
      /; not built again: 1 since why\.$/,
    ],
    [
      "is different when an input is",
      [checked("different", true, "b"), checked("identical")],
      [],
      "different",
      /: b\.$/,
    ],
    ["is none when it was not built again", [checked("not-checked", false)], [], "not-checked", /a was not built.*why/],
    ["is none when nothing is known of it", [checked("identical", true, "b")], [], "not-checked", /nothing is known/],
    [
      "is none when an input could not be built again",
      [checked("not-checked", true, "b"), checked("identical")],
      [],
      "not-checked",
      /b could not be built again: why/,
    ],
    [
      "is none when what was asked for by name is not in effect",
      [checked("identical")],
      ["time" as const],
      "not-checked",
      /time/,
    ],
  ])("%s", (_, derivations, named, verdict, words) => {
    const outcome = judgeNix({ derivations, roots, variations }, named);
    expect(outcome.verdict).toBe(verdict);
    expect(outcome.sentence).toMatch(words);
  });
});

describe("the input vary", () => {
  test("takes all, none, some, and all but some", () => {
    expect(askedVariations(["all"])).toHaveLength(16);
    expect(askedVariations(["none"])).toEqual([]);
    expect(askedVariations(["time", "path"])).toEqual(["path", "time"]);
    expect(askedVariations(["all", "-network"])).not.toContain("network");
    expect(askedVariations(["-network"])).toHaveLength(15);
  });
});

describe("contradictions", () => {
  const inputs = (change: Partial<Parameters<typeof contradictions>[0]>) =>
    contradictions({
      build: "make",
      artifacts: ["dist"],
      installable: "",
      vary: ["all"],
      "include-ignored": [],
      "keep-env": [],
      reference: "",
      mode: "assert",
      bisect: true,
      diffoscope: "auto",
      timeout: 1,
      "output-dir": "",
      ...change,
    });

  test.each([
    [{}, []],
    [{ vary: ["tme"] }, ["tme"]],
    [{ vary: ["none", "path"] }, ["none"]],
    [{ vary: ["-all"] }, ["leaves out"]],
    [{ artifacts: ["../out"] }, ["../out"]],
    [{ artifacts: ["/etc"] }, ["/etc"]],
    [{ artifacts: ["dist/../../x"] }, ["dist/../../x"]],
    [{ artifacts: ["**"] }, ["everything"]],
    [{ artifacts: [".git"] }, ["everything"]],
    [{ "include-ignored": ["../x"] }, ["../x"]],
    [{ build: "" }, ["installable"]],
    [{ artifacts: [] }, ["artifacts"]],
    [{ installable: ".#x" }, ["exclude each other"]],
    [{ installable: ".#x", build: "", artifacts: [] }, []],
    [{ installable: "--impure", build: "", artifacts: [] }, ["--impure"]],
    [{ installable: ".#x", build: "", artifacts: [], diffoscope: "always" as const }, ["does not use"]],
  ])("%j", (change, words) => {
    const problems = inputs(change);
    expect(problems).toHaveLength(words.length);
    for (const word of words) expect(problems.join()).toContain(word);
  });
});
