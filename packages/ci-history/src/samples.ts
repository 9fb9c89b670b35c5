/** Runs for property tests: all that the format allows. */
import fc from "fast-check";
import { type Execution, type FileChange, type Run, statuses, trustLevels } from "./model.ts";

const text = (max: number) => fc.string({ unit: "binary", maxLength: max }).filter((it) => !it.includes("\0"));
const name = fc.string({ minLength: 1, maxLength: 20 });
const path = fc
  .array(
    text(8).filter((part) => part !== "" && part !== ".." && !part.includes("/")),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join("/"));

const anyChange = fc.record(
  {
    path,
    added: fc.nat(),
    deleted: fc.nat(),
    decision_delta: fc.integer({ min: -1000, max: 1000 }).map((delta) => delta + 0),
    age_days: fc.double({ min: 0, max: 10_000, noNaN: true }).map((days) => days + 0),
    authors: fc.nat(1000),
  },
  { requiredKeys: ["path", "added", "deleted"] },
) as fc.Arbitrary<FileChange>;

const anyExecution = fc.record(
  {
    id: text(20).filter((id) => id !== ""),
    file: fc.option(path),
    status: fc.constantFrom(...statuses),
    duration_ms: fc.option(fc.double({ min: 0, max: 1e8, noNaN: true }).map((ms) => ms + 0)),
    attempt: fc.integer({ min: 1, max: 9 }),
    param: text(9),
    variant: text(9),
    p_run: fc.double({ min: 0, max: 1, noNaN: true }).map((p) => p + 0),
    message: text(30),
  },
  { requiredKeys: ["id", "file", "status", "duration_ms"] },
) as fc.Arbitrary<Execution>;

/** Every run that the format allows, of moderate size. */
export const anyRun = fc.record(
  {
    run_id: name,
    sha: fc.option(fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 40, maxLength: 40 })),
    started_at: fc
      .date({ min: new Date(0), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true })
      .map((date) => date.toISOString()),
    author: fc.option(text(9)),
    changes: fc.array(anyChange, { maxLength: 4 }),
    tests: fc.array(anyExecution, { maxLength: 6 }),
    run_attempt: fc.integer({ min: 1, max: 50 }),
    job: name,
    variant: name,
    event: name,
    branch: name,
    default_branch: fc.boolean(),
    trust: fc.constantFrom(...trustLevels),
    report_complete: fc.boolean(),
    shards: fc.integer({ min: 1, max: 256 }),
    selection: fc.record({
      mode: fc.constantFrom("full" as const, "select" as const, "explore" as const),
      plan_digest: fc.constant(`sha256:${"ab".repeat(32)}`),
      target_recall: fc.double({ min: 0, max: 1, noNaN: true }).map((p) => p + 0),
    }),
    text_similarities: fc.array(
      fc.record({ path, similarity: fc.double({ min: 0, max: 1, noNaN: true }).map((p) => p + 0) }),
      { maxLength: 3 },
    ),
    import_distances: fc.array(fc.record({ path, distance: fc.nat(20) }), { maxLength: 3 }),
    origin: fc.constant("mutation" as const),
  },
  { requiredKeys: ["run_id", "sha", "started_at", "author", "changes", "tests"] },
) as fc.Arbitrary<Run>;
