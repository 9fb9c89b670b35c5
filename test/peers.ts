/** The real tools that tests meet. A test whose tool is missing is skipped by name; with REQUIRE_PEERS=1 it fails. */
import { describe, test } from "vitest";
import { locate } from "../scripts/peers.ts";

/**
 * Where a tool is: in the cache that `npm run peers` fills, else on PATH.
 * @returns an absolute path, or undefined when the machine does not have the tool
 */
const peer = (name: string): string | undefined => locate(name);

/** What a tool itself needs on PATH. */
const starts: Record<string, string> = { gotestsum: "go" };

/**
 * A suite that needs a real tool.
 * @param suite registers the tests; it gets the absolute path of the tool, and is not called when that is missing
 */
export function describeWithPeer(name: string, suite: (path: string) => void): void {
  const path = peer(name);
  const started = starts[name];
  describe(`with ${name}`, () => {
    if (path && (!started || peer(started))) suite(path);
    else {
      const missing = path ? started : name;
      test(`needs ${missing}`, ({ skip }) => {
        const note = path ? `needs ${missing} on PATH` : `needs ${name}; npm run peers ${name}`;
        if (process.env.REQUIRE_PEERS === "1") throw new Error(note);
        skip(note); // scripts/test.ts lists these notes at the end, each once
      });
    }
  });
}
