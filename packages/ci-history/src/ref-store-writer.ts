/** A process of the tests: appends one segment to a ref store, and says each step of git before it is taken. */
import { writeSync } from "node:fs";
import { refStore } from "./ref-store.ts";
import { largeRun, sampleGit } from "./ref-store-sample.ts";
import { encodeSegment, segmentPath } from "./segment.ts";

const [url, ref, folder, id] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);
const store = refStore(
  sampleGit(folder!, ([command]) => say(command!)),
  { url: url!, ref: ref! },
);
const run = largeRun(Number(id));
say(`${await store.append(segmentPath(run), encodeSegment(run))} ${segmentPath(run)}`);
