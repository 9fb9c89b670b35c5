/** Training in several threads at once. */
import { Worker } from "node:worker_threads";
import { checkData, type Data } from "./data.ts";
import type { Model } from "./model.ts";
import { complete, type Options } from "./options.ts";
import { common } from "./team.ts";

/**
 * Trains the model that `train` trains, to the last bit, in `threads` threads while this one is free. They share rows and
 * columns out among themselves, so that more threads than columns are not started. Worth their start where training takes
 * seconds.
 * @throws RangeError as `train` does, before a thread is started; whatever a thread ends by
 */
export async function trainInThreads(data: Data, threads: number, given: Partial<Options> = {}): Promise<Model> {
  checkData(data, "data");
  const options = complete(given, data.columns);
  if (!Number.isInteger(threads) || threads < 1)
    throw new RangeError(`threads is ${threads}; allowed is a whole number from 1.`);
  const size = Math.min(threads, data.columns);
  const { validation } = options;
  const job = {
    data: shared(data),
    options: validation ? { ...options, validation: shared(validation) } : options,
    common: common(size, data.columns, options.depth),
  };
  const workers: Worker[] = [];
  try {
    for (let index = 0; index < size; index += 1)
      workers.push(new Worker(new URL("./thread.ts", import.meta.url), { workerData: { ...job, index } }));
    return await Promise.race(workers.map(modelOf));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate())); // one that failed leaves the others waiting
  }
}

/** The model, which the first thread tells; the others end without a word. */
const modelOf = (worker: Worker, index: number): Promise<Model> =>
  new Promise((resolve, reject) => {
    worker.once("message", resolve).once("messageerror", reject).once("error", reject);
    worker.once("exit", (code) => {
      if (index === 0 || code !== 0) reject(new Error(`A thread that trains ended before its end, with ${code}.`));
    });
  });

/** A copy of the rows that all threads read, and nobody changes meanwhile. */
function shared({ features, columns, labels, weights }: Data): Data {
  return { features: copied(features), columns, labels: copied(labels), ...(weights && { weights: copied(weights) }) };
}

function copied<T extends Float64Array | Float32Array | Uint8Array>(numbers: T): T {
  const room = new SharedArrayBuffer(numbers.byteLength) as unknown as ArrayBuffer;
  const kind = [Float64Array, Float32Array, Uint8Array].find((one) => numbers instanceof one)!; // a Buffer is the last
  const copy = new kind(room);
  copy.set(numbers);
  return copy as T;
}
