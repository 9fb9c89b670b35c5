/** What the reader gets: the report, annotations, the job summary. */
import { type Annotation, code, details, plain, prose, table } from "@goatnote/action-io";
import {
  type Comparison,
  type Entry,
  type Explained,
  inWords,
  type NixChecked,
  type Place,
  type VariationReport,
} from "@goatnote/build-comparison";
import { type ReferenceResult, unequalFirst } from "./reference.ts";
import type { Outcome } from "./verdict.ts";

/** A finding with what to do about it, and where, as far as a line of the sources says so. */
export interface Advised extends Explained {
  advice: string;
  mend?: Place;
}

/** What came of the builds. */
export interface Checked {
  variations: VariationReport[];
  artifacts?: readonly Entry[];
  comparison?: Comparison;
  findings?: Advised[];
  reference?: ReferenceResult;
  /** For what Nix builds. */
  nix?: NixChecked;
  /** Why nothing could be compared. */
  problem?: string;
  notes: string[];
  /** What both builds may have shared, in words that go on after "though": part of the verdict when nothing differs. */
  caveats: string[];
}

const mostFindings = 200;

export function reportOf({ verdict, sentence }: Outcome, checked: Checked, digest: string | null) {
  const { variations, comparison, findings = [], reference, notes } = checked;
  const found = findings.filter(({ derived }) => !derived);
  return {
    schema: "https://goatnote.dev/repro-check-report/v1",
    verdict,
    sentence,
    digest,
    variations,
    causes: [...new Set(found.flatMap(({ causes }) => causes))],
    differences: comparison?.differences ?? [],
    findings: findings.slice(0, mostFindings),
    findings_left_out: Math.max(0, findings.length - mostFindings),
    stopped_after: comparison?.stoppedAfter ?? null,
    permission_notes: (comparison?.permissionNotes ?? []).slice(0, mostFindings),
    bisection: { state: comparison?.bisection ?? "off", note: comparison?.bisectionNote ?? "" },
    reference: reference ?? null,
    nix: checked.nix
      ? {
          closure_digest: checked.nix.closureDigest,
          roots: checked.nix.roots,
          derivations: checked.nix.derivations.map(({ findings: _, ...derivation }) => derivation),
        }
      : null,
    notes,
    caveats: checked.caveats,
  };
}
type Report = ReturnType<typeof reportOf>;

const where = ({ place }: Explained): string => place.join(" › ");

/** What brings a finding about, in words. */
function broughtAbout({ always, sometimes, provokedBy }: Explained): string {
  if (sometimes) return "not in every build";
  if (always) return "every build";
  return provokedBy.length > 0 ? provokedBy.join(", ") : "not known";
}

const differsIn = ({ what, format, causes, count }: Explained): string => {
  const stored = format && what !== "content" ? `${format} ${what}` : what;
  return `${stored}${count > 1 ? ` (${count} times)` : ""}: ${causes.map(inWords).join(", ")}`;
};

/** Findings that say the same of one place, such as the four fields of an owner, as one. */
function merged(findings: readonly Advised[]): Advised[] {
  const groups = Map.groupBy(findings, ({ place, format, causes, always, sometimes, provokedBy }) =>
    JSON.stringify([place, format, causes, always, sometimes, provokedBy]),
  );
  return [...groups.values()].map(([first, ...others]) => ({
    ...first!,
    what: [first!, ...others].map(({ what }) => what).join(", "),
  }));
}

/** The builds are the same, and what is published is not. */
const onlyPublished = ({ differences, reference }: Report): boolean =>
  differences.length === 0 && reference !== null && !reference.equal;

/** The first finding of each cause, beside the line that can be mended where that is known. */
export function annotationsFor(
  { verdict, sentence }: Outcome,
  report: Report,
  mode: "assert" | "report",
): Annotation[] {
  const kind = mode === "assert" ? "error" : "warning";
  if (verdict === "not-checked") return [{ kind: "warning", title: "Not checked", message: sentence }];
  if (verdict === "different" && onlyPublished(report))
    return [{ kind, title: "Published otherwise", message: sentence }];
  const seen = new Set<string>();
  return report.findings.flatMap((finding): Annotation[] => {
    const key = `${finding.format} ${finding.causes.join()}`;
    if (finding.derived || seen.has(key)) return [];
    seen.add(key);
    const message = `${where(finding)} differs in ${differsIn(finding)}. ${finding.advice}`;
    return [
      {
        kind,
        title: "Not reproducible",
        message,
        ...(finding.mend && { file: finding.mend.file, line: finding.mend.line }),
      },
    ];
  });
}

const statusWords: Record<VariationReport["status"], string> = {
  applied: "applied",
  unavailable: "unavailable here",
  "no-effect": "without effect here",
  "breaks-build": "left out: the build fails under it",
  "not-asked": "not asked for",
};

/** What of the build closure differs, and what was not built again. */
function derivationTables({ closure_digest, derivations }: NonNullable<Report["nix"]>): string[] {
  const rows = (verdict: string) => derivations.filter((each) => each.verdict === verdict);
  const reasons = Map.groupBy(rows("not-checked"), ({ detail }) => detail);
  const count = (verdict: string): string => `${rows(verdict).length} ${verdict}`;
  return [
    `\n${derivations.length} derivations: ${count("identical")}, ${count("different")}, ${count("not-checked")}. Closure ${code(closure_digest)}.\n`,
    table(
      ["derivation that differs", ""],
      rows("different")
        .slice(0, 100)
        .map(({ derivation, detail }) => [code(derivation), prose(detail)]),
    ),
    reasons.size > 0
      ? details(
          "Not built again",
          table(
            ["why", "derivations", "such as"],
            [...reasons].slice(0, 50).map(([why, of]) => [prose(why), String(of.length), code(of[0]!.name)]),
          ),
        )
      : "",
  ];
}

/** The job summary: the verdict with its scope, the causes and what to do, what was not checked. */
export function summarise({ verdict, sentence }: Outcome, report: Report): string {
  const titles = {
    identical: "No difference found",
    different: onlyPublished(report) ? "What is published is not what was built" : "The builds differ",
    "not-checked": "Not checked",
  };
  const shown = merged(report.findings.filter(({ derived }) => !derived)).slice(0, 30);
  const derived = report.findings.filter((finding) => finding.derived).length;
  const left = report.variations.filter(({ status }) => status !== "applied" && status !== "not-asked");
  return [
    `### ${titles[verdict]}\n\n${prose(sentence)}\n`,
    table(
      ["what differs", "cause", "brought about by", "what to do"],
      shown.map((finding) => [
        code(where(finding)),
        plain(differsIn(finding)),
        plain(broughtAbout(finding)),
        `${prose(finding.advice)}${finding.mend ? ` See ${code(`${finding.mend.file}:${finding.mend.line}`)}.` : ""}`,
      ]),
    ),
    shown.length > 0
      ? details(
          "The bytes",
          table(
            ["what", "first build", "second build"],
            shown.map((each) => [code(where(each)), code(each.first), code(each.second)]),
          ),
        )
      : "",
    report.stopped_after === null
      ? ""
      : `\nExplaining was stopped after ${report.stopped_after} s: more may differ for other reasons.\n`,
    derived > 0 ? `\n${derived} more findings follow from these.\n` : "",
    report.bisection.state === "incomplete"
      ? `\nWhat brings it about is not complete: ${prose(report.bisection.note)}\n`
      : "",
    report.reference
      ? table(
          ["file", `beside ${plain(report.reference.name)}`],
          [
            ...unequalFirst(report.reference.rows).map(({ path, result }) => [code(path), result]),
            ...report.reference.notBuilt
              .slice(0, 100)
              .map((path) => [code(path), "published, and not made by this build: not compared"]),
          ],
        )
      : "",
    ...(report.nix ? derivationTables(report.nix) : []),
    left.length > 0
      ? `\n**Not covered:** ${left.map(({ name, status }) => `${name} (${statusWords[status]})`).join(", ")}.\n`
      : "",
    report.variations.length > 0
      ? details(
          "All variations",
          table(
            ["variation", "", ""],
            report.variations.map(({ name, status, detail }) => [name, statusWords[status], prose(detail)]),
          ),
        )
      : "",
    ...report.notes.map((note) => `\n${prose(note)}\n`),
    report.permission_notes.length > 0
      ? details(
          "Permission bits beyond the executable one differ, which is no difference of content",
          report.permission_notes.slice(0, 50).map(code).join("<br>"),
        )
      : "",
  ].join("");
}
