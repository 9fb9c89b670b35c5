/** Every summary as a reader sees it: no picture that cannot be drawn, no table that is none, nothing that GitHub takes out. */
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { describeWithPeer } from "../peers.ts";
import { ofAttest, ofNix, ofReproCheck, ofSelection, ofSops } from "./collect.ts";
import { type Browser, look, sourceProblems } from "./render.ts";

await build(); // which may take longer than a test

describeWithPeer("chromium", (chromium) => {
  describeWithPeer("mermaid", (marked) => {
    const browser: Browser = { chromium, mermaid: join(dirname(marked), "../mermaid/dist/mermaid.min.js") };

    /** Looks at all summaries of one kind. */
    async function seen(collected: Promise<Map<string, string>>) {
      const summaries = [...(await collected)];
      const { looks } = look(
        browser,
        summaries.map(([, summary]) => summary),
      );
      for (const [i, [job, summary]] of summaries.entries()) {
        expect(summary, job).not.toBe("");
        expect(looks[i]!.problems, `${job}:\n${summary}`).toEqual([]);
      }
      return Object.fromEntries(summaries.map(([job], i) => [job, looks[i]]));
    }

    test("selection and telemetry", async () => {
      const { select, replay, telemetry } = await seen(ofSelection());
      expect(select!.tables).toBeGreaterThan(0);
      expect(replay!.pictures).toBe(1);
      expect(telemetry!.tables).toBeGreaterThan(0);
    });

    test("repro-check", async () => {
      const { same, fails_differs } = await seen(ofReproCheck());
      expect(same!.tables + fails_differs!.tables).toBeGreaterThan(1);
    });

    test("slsa-attest", async () => {
      const { attest, fails_refused } = await seen(ofAttest());
      expect(attest!.tables + fails_refused!.tables).toBeGreaterThan(1);
    });

    describeWithPeer("sops", (sops) => {
      test("sops-decrypt", async () => {
        await seen(ofSops(sops));
      });
    });

    describeWithPeer("nix", (nix) => {
      test("nix-hermetic-build", async () => {
        const { build } = await seen(ofNix(nix));
        expect(build!.tables).toBeGreaterThan(0);
      });
    });

    test("a picture that cannot be drawn and a table that is none are seen", () => {
      const { looks } = look(browser, [
        "```mermaid\nxychart-beta\n  x-axis [\n```\n",
        `\`\`\`mermaid\nxychart-beta\n  title "${"long ".repeat(40)}"\n  line [1, 2]\n\`\`\`\n`,
        "Text <b>\n\n| a | b |\n| --- |\n| 1 | 2 |\n",
        '| a |\n| --- |\n| 1 |\n\n```mermaid\npie\n  "x" : 1\n```\n',
      ]);
      const [undrawn, long, table, good] = looks;
      expect(undrawn!.problems.join()).toContain("mermaid: ");
      expect(long!.problems.join()).toContain("a picture cuts off: long");
      expect(table!.problems.join()).toContain("a table is shown as text");
      expect(good).toMatchObject({ problems: [], tables: 1, pictures: 1 });
    });
  });
});

describe("is seen without a browser", () => {
  test.each([
    ["a row that is too long", "| a |\n| --- |\n| 1 | 2 |\n", "another number of cells"],
    ["a pipe that ends a cell", "| a |\n| --- |\n| `x|y` |\n", "another number of cells"],
    ["a tag that GitHub takes out", "<script>x</script>\n", "takes out <script>"],
    ["a tag that stays open", "<details><summary>x</summary>\n", "<details> is not closed"],
    ["a fence that stays open", "```text\nx\n", "a fence is not closed"],
  ])("%s", (_, markdown, problem) => {
    expect(sourceProblems(markdown).join()).toContain(problem);
  });

  test("and what is right is left alone", () => {
    const markdown =
      "| a | b |\n| --- | ---: |\n| `x\\|y` | 2 |\n\n<details><summary>x</summary>\n\n<br>y `<z>`\n\n</details>\n\n```text\n<z>| a\n```\n";
    expect(sourceProblems(markdown)).toEqual([]);
  });
});
