/** Training in several threads at once. */
import { Worker } from "node:worker_threads";
import { checkData, type Data } from "./data.ts";
import type { Model } from "./model.ts";
import { complete, type Options } from "./options.ts";
import { common } from "./team.ts";

/**
 * Trains the model that `train` trains, to the last bit, in `threads` threads while this one is free. They share the columns
 * out among themselves, so that more threads than columns are not started; worth it from some ten thousand rows on.
 * @throws RangeError as `train` does, before a thread is started; whatever a thread ends by
 */
export async function trainInThreads(data: Data, threads: number, given: Partial<Options> = {}): Promise<Model> {
  checkData(data, "data");
  const options = complete(given, data.columns);
  if (!Number.isInteger(threads) || threads < 1)
    throw new RangeError(`threads is ${threads}; allowed is a whole number from 1.`);
  const size = Math.min(threads, data.columns);
  const job = {
    data: { ...data, features: shared(data.features) },
    options,
    common: common(size, data.columns, options.depth),
  };
  const program = new URL("./thread.ts", import.meta.url);
  const workers = Array.from({ length: size }, (_, index) => new Worker(program, { workerData: { ...job, index } }));
  try {
    return await Promise.race(workers.map(modelOf));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate())); // one that failed leaves the others waiting
  }
}

const modelOf = (worker: Worker): Promise<Model> =>
  new Promise((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
    worker.once("exit", (code) => code !== 0 && reject(new Error(`A thread that trains was ended, with ${code}.`)));
  });

/** The same numbers where all threads read them, so that each thread needs no copy. */
function shared(features: Float64Array | Float32Array): Float64Array | Float32Array {
  if (features.buffer instanceof SharedArrayBuffer) return features;
  const room = new SharedArrayBuffer(features.byteLength);
  const copy = features instanceof Float64Array ? new Float64Array(room) : new Float32Array(room);
  copy.set(features);
  return copy;
}
