import { bin } from "./bins.ts";
import { checkData, type Data } from "./data.ts";
import { derive, gradientsFor } from "./gradients.ts";
import { grow, workshop } from "./grow.ts";
import { logLoss } from "./log-loss.ts";
import { assemble, type Model, type Node } from "./model.ts";
import { complete, type Options } from "./options.ts";
import { log } from "./portable-math.ts";
import { derived, random, shuffled } from "./random.ts";
import { addTrees } from "./score.ts";
import { common, Member } from "./team.ts";

/**
 * Trains a model: gradient boosting of the log loss by Newton steps (Friedman 2001; Chen and Guestrin 2016) on binned
 * values (Ke et al. 2017). The same data, options and seed give the same model on any machine.
 * @throws RangeError when a value cannot be learnt from or an option is out of range
 */
export function train(data: Data, given: Partial<Options> = {}): Model {
  checkData(data, "data");
  const options = complete(given, data.columns);
  return trainAs(new Member(common(1, data.columns, options.depth), 0), data, options);
}

/** What each of the threads does that train a model together; each ends with the whole model. */
export function trainAs(member: Member, data: Data, options: Options): Model {
  const { seed, subsample, featureFraction, validation, earlyStopping = Number.POSITIVE_INFINITY } = options;
  const [from, to] = member.share(data.labels.length);
  const features = data.features.subarray(from * data.columns, to * data.columns);
  const base = baseOf(data);
  const odds = new Float64Array(to - from).fill(base);
  const binned = bin(data, options.bins, member);
  const gradients = gradientsFor(to - from);
  const shop = workshop(binned, gradients, options, member);
  const all = new Uint32Array(subsample < 1 ? 0 : to - from).map((_, row) => row);
  const before = subsample < 1 ? new Float64Array(to - from) : undefined;

  const trees: Node[][] = [];
  const watched = validation && new Float64Array(validation.labels.length).fill(base);
  let best = { loss: watched ? logLoss(watched, validation) : 0, trees: 0 };
  for (let tree = 0; tree < options.trees; tree += 1) {
    const next = random(derived(seed, tree));
    derive(gradients, odds, data, derived(seed, -tree - 2), member);
    const allowed = sampleFeatures(data.columns, featureFraction, next);
    before?.set(odds);
    let count = to - from;
    if (subsample === 1) shop.order.set(all);
    else count = takeRows(shop.order, data.labels.length, [from, to], subsample, next);
    const nodes = grow(shop, count, allowed, odds);
    if (nodes.length === 1 && subsample === 1 && featureFraction === 1) break; // no split helps, nor will a later one
    trees.push(nodes);
    const alone = before || watched ? assemble(data.columns, 0, [nodes]) : undefined;
    if (before && alone) {
      odds.set(before);
      addTrees(alone, features, odds);
    }
    if (!watched || !alone) continue;
    addTrees(alone, validation.features, watched);
    const loss = logLoss(watched, validation);
    if (loss < best.loss) best = { loss, trees: trees.length };
    else if (trees.length - best.trees >= earlyStopping) break;
  }
  return assemble(data.columns, base, validation ? trees.slice(0, best.trees) : trees);
}

/** Log odds of the mean label, held within ±15 where all labels are alike. */
function baseOf({ labels, weights }: Data): number {
  let [ones, total] = [0, 0];
  for (let row = 0; row < labels.length; row += 1) {
    const weight = weights ? weights[row]! : 1;
    ones += weight * labels[row]!;
    total += weight;
  }
  const share = Math.min(1 - 3e-7, Math.max(3e-7, ones / total));
  return log(share / (1 - share));
}

/** Puts those of the rows `from..to` that a tree sees first in the order, ascending, and tells how many they are. */
function takeRows(
  order: Uint32Array,
  rows: number,
  [from, to]: readonly [number, number],
  share: number,
  next: () => number,
): number {
  let [count, all] = [0, 0];
  const take = (row: number): void => {
    all += 1;
    if (row >= from && row < to) order[count++] = row - from;
  };
  for (let row = 0; row < rows; row += 1) if (next() < share) take(row);
  if (all === 0) take(Math.floor(next() * rows));
  return count;
}

function sampleFeatures(columns: number, share: number, next: () => number): Uint32Array {
  if (share === 1) return Uint32Array.from({ length: columns }, (_, column) => column);
  return shuffled(columns, next)
    .slice(0, Math.max(1, Math.round(columns * share)))
    .sort();
}
