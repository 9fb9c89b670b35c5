import { expect, test } from "vitest";
import { runAction } from "../test/action-process.ts";
import type { Annotation } from "./annotations.ts";

async function printed(annotations: Annotation[], before = ""): Promise<string[]> {
  const { code, stdout, stderr } = await runAction(
    `${before}\nio.annotate(${JSON.stringify(annotations)}, "the report");`,
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.split("\n").filter(Boolean);
}
const numbered = (kind: Annotation["kind"], count: number): Annotation[] =>
  Array.from({ length: count }, (_, index) => ({ kind, message: `${kind} ${index + 1}` }));

test("ten of a kind are shown, and of more the first nine and how many there are", async () => {
  const output = await printed([...numbered("notice", 1), ...numbered("warning", 10), ...numbered("error", 12)]);
  expect(output.filter((line) => line.startsWith("::error"))).toEqual([
    ...Array.from({ length: 9 }, (_, index) => `::error::error ${index + 1}`),
    "::error::3 more are in the report.",
  ]);
  expect(output.filter((line) => line.startsWith("::warning"))).toHaveLength(10);
  expect(output).toContain("::warning::warning 10");
  expect(output).toContain("::notice::notice 1");
});

test("place, title and line breaks keep their form", async () => {
  const annotation: Annotation = {
    kind: "error",
    message: "50% of\r\n::error::it: a,b",
    title: "a: b, c%\nd",
    file: "src/a,b:c.ts",
    line: 7,
  };
  expect(await printed([annotation])).toEqual([
    "::error title=a%3A b%2C c%25%0Ad,file=src/a%2Cb%3Ac.ts,line=7::50%25 of%0D%0A::error::it: a,b",
  ]);
});

test("messages have no secrets and no more than GitHub shows", async () => {
  const [line] = await printed(
    [{ kind: "notice", message: `key-of-annotation ${"x".repeat(5000)}`, title: "key-of-annotation" }],
    'io.registerSecret("key-of-annotation");',
  );
  expect(line).toBe(`::notice title=***::*** ${"x".repeat(4092)}`);
});
