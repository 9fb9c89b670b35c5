import type { Data } from "./data.ts";
import { softplus } from "./portable-math.ts";

/** The mean log loss (cross entropy, in nats) of log odds against labels, by weight. */
export function logLoss(odds: Float64Array, { labels, weights }: Pick<Data, "labels" | "weights">): number {
  let [loss, total] = [0, 0];
  for (let row = 0; row < odds.length; row += 1) {
    const weight = weights ? weights[row]! : 1;
    loss += weight * (softplus(odds[row]!) - labels[row]! * odds[row]!);
    total += weight;
  }
  return total > 0 ? loss / total : 0;
}
