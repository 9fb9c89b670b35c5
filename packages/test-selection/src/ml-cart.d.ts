/** What is used of ml-cart, which brings no types. */
declare module "ml-cart" {
  /** A leaf has a `distribution`, every other node a split: rows below `splitValue` in `splitColumn` go left. */
  export interface CartNode {
    distribution?: number;
    splitColumn: number;
    splitValue: number;
    left?: CartNode;
    right?: CartNode;
  }
  export class DecisionTreeRegression {
    root: CartNode;
    constructor(options: { maxDepth: number; minNumSamples: number; gainThreshold: number });
    train(rows: number[][], values: number[]): void;
  }
}
