import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { changedTogether } from "./changed-together.ts";
import { newRepository, shallowClone } from "./repositories.ts";

test("files that commits before the change touched together, and how often", async () => {
  const repo = await newRepository();
  let commits = 0;
  const commit = async (...files: string[]) => {
    for (const file of files) writeFileSync(join(repo.path, file), String(commits));
    commits += 1;
    return repo.commit("Change");
  };
  const many = Array.from({ length: 31 }, (_, index) => `many${index}`);
  await commit("model.py", ...many);
  await commit("model.py", "test_model.py");
  await commit("tool.py", "test ünd\ttool.py");
  await commit("tool.py", "test_model.py");
  const base = await commit("model.py", "test_model.py");
  const head = await commit("model.py", "later.py");
  const found = await changedTogether(repo.path, base, ["model.py", "tool.py"]);
  expect(found).toEqual(
    new Map([
      ["test_model.py", { path: "model.py", commits: 2, of: 2 }],
      ["test ünd\ttool.py", { path: "tool.py", commits: 1, of: 2 }],
    ]),
  );
  // The one commit that a shallow clone has looks like the first of all.
  const shallow = await shallowClone(repo, "main");
  expect([...(await changedTogether(shallow.path, head, ["many3"])).keys()]).toEqual([]);
});
