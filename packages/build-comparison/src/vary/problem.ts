/** Why a build says nothing. */
import { UserError } from "@goatnote/action-io";

/** A build that gave nothing that could be compared. */
export class BuildProblem extends UserError {
  readonly kind: "failed" | "timeout" | "cancelled" | "leftovers" | "no-artifacts" | "tree";
  constructor(kind: BuildProblem["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}
