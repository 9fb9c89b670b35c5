import fc from "fast-check";
import { expect, test } from "vitest";
import { HistoryError, interner } from "./checks.ts";
import { sampleRun } from "./sample-run.ts";
import { anyRun } from "./samples.ts";
import { formatRun, MAX_DURATION_MS, parseRun } from "./validate.ts";

const parse = (value: unknown) => parseRun(JSON.stringify(value), "h:1");

test("what is formatted is parsed again, whatever its fields", () => {
  fc.assert(
    fc.property(anyRun, (run) => {
      expect(parseRun(formatRun(run, "h"), "h:1")).toEqual(run);
    }),
  );
});

test("any JSON is a run or a clear error", () => {
  const field = fc.constantFrom(...Object.keys(sampleRun()), "trust", "selection", "run_attempt", "__proto__");
  fc.assert(
    fc.property(field, fc.jsonValue(), (name, value) => {
      try {
        parse({ ...sampleRun(), [name]: value });
      } catch (error) {
        expect(error).toBeInstanceOf(HistoryError);
        expect((error as Error).message).toMatch(/^h:1: /);
      }
    }),
    { numRuns: 500 },
  );
});

test("a run of the first format, without the newer fields, is read; unknown fields are passed over", () => {
  const old = { run_id: "0", sha: null, started_at: "2016-07-07T16:20:58Z", author: null, changes: [], tests: [] };
  expect(parse(old)).toEqual(old);
  expect(parse({ ...old, job: null, schema: 9, selection: null })).toEqual(old);
});

test("a line cannot reach the prototype of anything", () => {
  const line = JSON.stringify(sampleRun()).replace(
    "{",
    '{"__proto__":{"job":"x"},"constructor":{"prototype":{"y":1}},',
  );
  const run = parseRun(line, "h:1");
  expect(run).toEqual(sampleRun());
  expect(run.job).toBeUndefined();
  expect(Object.getPrototypeOf(run)).toBe(Object.prototype);
});

const execution = (fields: object) => ({ tests: [{ id: "a", file: null, status: "pass", duration_ms: 1, ...fields }] });

test.each([
  [{ run_id: 17 }, "run_id is 17; allowed is a string of 1 to 1024 characters without control characters."],
  [{ run_id: "a\nb" }, 'run_id is "a\\nb"; allowed'],
  [{ sha: "abc" }, 'sha is "abc"; allowed is null or the 40 hex digits of a commit.'],
  [{ started_at: "2021-02-30T00:00:00Z" }, "started_at is"],
  [{ started_at: "2021-05-03T06:33:47+02:00" }, "allowed is an instant in UTC such as 2021-05-03T06:33:47Z."],
  [{ changes: {} }, "changes is an object; allowed is a list of at most 300000 items."],
  [{ changes: [{ path: "/etc/passwd", added: 0, deleted: 0 }] }, "changes[0].path"],
  [{ changes: [{ path: "a/../../b", added: 0, deleted: 0 }] }, "changes[0].path"],
  [{ changes: [{ path: "a", added: -1, deleted: 0 }] }, "changes[0].added is -1; allowed is an integer from 0"],
  [{ tests: [null] }, "tests[0] is null; allowed is an object."],
  [execution({ id: "" }), "tests[0].id is empty"],
  [execution({ status: "passed" }), 'tests[0].status is "passed"; allowed is pass, fail, error, skip,'],
  [execution({ duration_ms: MAX_DURATION_MS + 1 }), "tests[0].duration_ms is 604800001; allowed is a number from 0"],
  [execution({ duration_ms: "1" }), 'tests[0].duration_ms is "1"'],
  [execution({ p_run: 1.5 }), "tests[0].p_run is 1.5; allowed is a number from 0 to 1."],
  [execution({ attempt: 0 }), "tests[0].attempt is 0; allowed is an integer from 1"],
  [execution({ id: "x".repeat(9000) }), "allowed is a string of at most 8192 characters without NUL."],
  [{ trust: "owner" }, 'trust is "owner"; allowed is push, pull_request, fork.'],
  [{ default_branch: "yes" }, 'default_branch is "yes"; allowed is true or false.'],
  [{ selection: { mode: "full", plan_digest: "md5:1", target_recall: 1 } }, "selection.plan_digest"],
])("%j is refused", (fields, message) => {
  expect(() => parse({ ...sampleRun(), ...fields })).toThrow(message);
});

test("a duration that JSON cannot hold is refused when written", () => {
  const tests = [{ id: "a", file: null, status: "pass" as const, duration_ms: Number.NaN }];
  expect(() => formatRun(sampleRun({ tests }), "h")).toThrow(HistoryError);
});

test("an interner gives back what it is given, whatever came before", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "b", "c", "", "ab"), { maxLength: 60 }), (texts) => {
      const intern = interner();
      expect(texts.map(intern)).toEqual(texts);
    }),
  );
});
