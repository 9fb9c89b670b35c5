/**
 * A process of the tests: appends one segment to a ref store. Where it is told to, it is killed, with git, some moment
 * after so many steps of git; it sees to that itself, since whoever waits for it may be too busy to come in time.
 */
import { writeSync } from "node:fs";
import { refStore } from "./ref-store.ts";
import { largeRun, sampleGit } from "./ref-store-sample.ts";
import { encodeSegment, segmentPath } from "./segment.ts";

const [url, ref, folder, id, killAfter] = process.argv.slice(2);
let steps = 0;
const say = (line: string) => writeSync(1, `${line}\n`);
const store = refStore(
  sampleGit(folder!, () => {
    steps += 1;
    if (steps === Number(killAfter)) setTimeout(() => process.kill(-process.pid, "SIGKILL"), Math.random() * 30);
  }),
  { url: url!, ref: ref! },
);
const run = largeRun(Number(id));
say(`${await store.append(segmentPath(run), encodeSegment(run))} ${segmentPath(run)}`);
