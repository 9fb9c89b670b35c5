/** diffoscope's report beside ours, and that the two agree on what differs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { build } from "../../scripts/build.ts";
import { runEntry } from "../loop/entry.ts";
import { describeWithPeer } from "../peers.ts";
import { project } from "./check.ts";

const inputs = {
  build: "uname -n > src/host; tar -cf out.tar src",
  artifacts: "out.tar",
  bisect: "false",
  mode: "report",
};

describeWithPeer("diffoscope", () => {
  test("its report is in the output folder, and sees the member that we name", async () => {
    const { folder, remove } = project({ "src/a": "a\n" });
    try {
      const { outputs, code } = await runEntry(
        await build(),
        "repro-check",
        { ...inputs, diffoscope: "always" },
        folder,
      );
      expect(code).toBe(0);
      const report = JSON.parse(readFileSync(outputs.report!, "utf8")) as {
        findings: { place: string[]; causes: string[] }[];
      };
      expect(report.findings).toContainEqual(
        expect.objectContaining({ place: ["out.tar", "src/host"], causes: ["hostname"] }),
      );
      const theirs = readFileSync(join(outputs.report!, "../diffoscope.txt"), "utf8");
      expect(theirs).toContain("src/host");
      expect(theirs).toContain("second-build");
    } finally {
      remove();
    }
  });
});
