/** The program of each thread of `trainInThreads`. */
import { parentPort, workerData } from "node:worker_threads";
import type { Data } from "./data.ts";
import type { Options } from "./options.ts";
import { type Common, Member } from "./team.ts";
import { trainAs } from "./train.ts";

const { data, options, common, index } = workerData as { data: Data; options: Options; common: Common; index: number };
const model = trainAs(new Member(common, index), data, options);
if (index === 0) parentPort?.postMessage(model);
