/** Annotations: messages that GitHub shows beside files and lines. It shows 10 of each kind per step, so the 10 that matter most go first. */
import { type AnnotationProperties, error, notice, warning } from "@actions/core";
import { redact } from "./secrets.ts";

export interface Annotation {
  kind: "error" | "warning" | "notice";
  message: string;
  title?: string;
  /** Relative to the repository. */
  file?: string;
  line?: number;
}

const shownPerKind = 10;
const longest = 4096;
const write = { error, warning, notice };

/**
 * Shows annotations, the most important first. Where there are more than GitHub shows of a kind, the tenth says how many
 * more there are and where to find them.
 * @param rest where the reader finds the others, such as "the job summary"
 */
export function annotate(annotations: readonly Annotation[], rest = "the job summary"): void {
  for (const kind of ["error", "warning", "notice"] as const) {
    const all = annotations.filter((annotation) => annotation.kind === kind);
    const shown = all.length > shownPerKind ? all.slice(0, shownPerKind - 1) : all;
    for (const { message, title, file, line } of shown) {
      const properties: AnnotationProperties = {};
      if (title !== undefined) properties.title = redact(title);
      if (file !== undefined) properties.file = file;
      if (line !== undefined) properties.startLine = line;
      write[kind](redact(message).slice(0, longest), properties);
    }
    if (shown.length < all.length) write[kind](`${all.length - shown.length} more are in ${rest}.`);
  }
}
