import { expect, test } from "vitest";
import type { Verdict } from "./verify.ts";
import { resourceOf } from "./vsa.ts";

const from = (sourceRepository?: string) =>
  ({ judgements: [{ identity: { ...(sourceRepository && { sourceRepository }) } }] }) as unknown as Verdict;

test("a summary is about the repository that all artifacts are from, and not about the first one's", () => {
  const [app, other] = ["https://github.com/octo/app", "https://github.com/octo/other"];
  expect(resourceOf([from(app), from(app)])).toBe(`git+${app}`);
  expect(resourceOf([from(app), from(other)])).toBeUndefined();
  expect(resourceOf([from(app), from()])).toBeUndefined();
});
