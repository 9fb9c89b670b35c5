/** Reports for tests: written to a folder of their own, read, and removed. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ReadOptions, type ReportResult, readReports } from "./index.ts";

/** Reads reports given as text or bytes; they are named `0.xml`, `1.xml`… */
export async function readTexts(
  texts: readonly (string | Uint8Array)[],
  options: Partial<ReadOptions> = {},
): Promise<ReportResult> {
  const root = mkdtempSync(join(tmpdir(), "reports-"));
  try {
    const paths = texts.map((text, index) => {
      const path = join(root, `${index}.xml`);
      writeFileSync(path, text);
      return path;
    });
    return await readReports(paths, { root, ...options });
  } finally {
    rmSync(root, { recursive: true });
  }
}

export const readText = (text: string | Uint8Array, options?: Partial<ReadOptions>) => readTexts([text], options);

/** Each execution as `id [param] variant status @attempt`, without what is not there. */
export function lines({ executions }: ReportResult): string[] {
  return executions.map(({ id, param, variant, status, attempt }) =>
    [id, param === undefined ? "" : `[${param}]`, variant ?? "", status, attempt ? `@${attempt}` : ""]
      .filter((part) => part !== "")
      .join(" "),
  );
}
