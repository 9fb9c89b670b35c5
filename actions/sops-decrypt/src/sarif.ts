/** Findings as SARIF 2.1.0, which code scanning reads: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html */
import { createHash } from "node:crypto";
import { type Finding, type LintRule, lintRules } from "@goatnote/sops-file";

const help = "https://github.com/goatnote/sops-decrypt#lint";

/** One run of the tool, as JSON text. */
export function sarif(findings: readonly Finding[]): string {
  const ids = Object.keys(lintRules) as LintRule[];
  const rules = ids.map((id) => ({
    id,
    name: lintRules[id].name,
    shortDescription: { text: lintRules[id].text },
    helpUri: help,
    defaultConfiguration: { level: lintRules[id].level },
  }));
  const results = findings.map(({ rule, level, path, line, message }) => ({
    ruleId: rule,
    ruleIndex: ids.indexOf(rule),
    level,
    message: { text: message },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: path.split("/").map(encodeURIComponent).join("/"), uriBaseId: "%SRCROOT%" },
          region: { startLine: line },
        },
      },
    ],
    // The same finding keeps its identity when lines move.
    partialFingerprints: { "goatnote/v1": createHash("sha256").update(`${rule}\0${path}\0${message}`).digest("hex") },
  }));
  const driver = { name: "sops-decrypt/lint", informationUri: help, rules };
  const log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{ tool: { driver }, columnKind: "utf16CodeUnits", results }],
  };
  return `${JSON.stringify(log, null, 1)}\n`;
}
