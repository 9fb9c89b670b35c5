import { expect, test } from "vitest";
import { defaultLimits, formats } from "./formats.ts";
import { FileResolver } from "./resolve-file.ts";

/** 88 MB of colours and text in one case's output, made as it is read. */
async function* report(start: string, end: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`<testsuite name="s"><testcase name="a">${start}`);
  const chunk = Buffer.from("\x1b[32mok\x1b[0m some line of output &amp; more\n".repeat(1600));
  for (let sent = 0; sent < 88e6; sent += chunk.length) yield chunk;
  yield Buffer.from(`${end}</testcase><testcase name="b"/></testsuite>`);
}

test.each([
  ["<system-out>", "</system-out>"],
  ["<system-out><![CDATA[", "]]></system-out>"],
  ["<failure>", "</failure>"],
  ['<failure message="', '"/>'],
  ["<!--", "-->"],
])("88 MB inside %s are read in bounded memory", async (start, end) => {
  const statuses: string[] = [];
  const before = process.memoryUsage.rss();
  let peak = before;
  const stream = report(start, end);
  await formats[0]!.read(
    (async function* () {
      for await (const chunk of stream) {
        peak = Math.max(peak, process.memoryUsage.rss());
        yield chunk;
      }
    })(),
    {
      path: "r.xml",
      written: null,
      root: "/",
      resolver: new FileResolver("/"),
      timeUnit: "auto",
      includeMessages: "first-line",
      limits: defaultLimits,
      warn: () => {},
      emit: ([execution]) => statuses.push(execution!.status),
    },
  );
  expect(statuses).toEqual([start.startsWith("<failure") ? "fail" : "pass", "pass"]);
  expect((peak - before) / 2 ** 20).toBeLessThan(64);
});
