/** A run for tests. Apart from the generators, so that a process that needs only this one starts fast. */
import type { Run } from "./model.ts";

/** A run with one change and two tests, of which one failed. */
export function sampleRun(fields: Partial<Run> = {}): Run {
  return {
    run_id: "17",
    sha: "0123456789abcdef0123456789abcdef01234567",
    started_at: "2021-05-03T06:33:47Z",
    author: "ada",
    changes: [{ path: "src/a.py", added: 3, deleted: 1 }],
    tests: [
      { id: "tests/a.py||test_one", file: "tests/a.py", status: "pass", duration_ms: 120.5 },
      { id: "tests/a.py||test_two", file: null, status: "fail", duration_ms: null, message: "1 != 2" },
    ],
    ...fields,
  };
}
