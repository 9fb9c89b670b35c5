/** JUnit XML, as some thirty runners write it: events of the scanner to executions. */
import { type Execution, MAX_PATH_LENGTH, type Status } from "@goatnote/ci-history";
import { decoderFor } from "./decode.ts";
import type { ReadContext, ReadOutcome, Repeats, ReportFormat } from "./formats.ts";
import { type Dialect, dialectOf, dialectOfProperty } from "./junit-dialect.ts";
import { JUnitPlaces, type Placed } from "./junit-place.ts";
import { type Fault, faultStatus, messageOf, type Outcome, statusOf } from "./junit-verdict.ts";
import { parseTime, type TimeUnit, unitOf } from "./time.ts";
import { type XmlAttributes, type XmlHandler, XmlScanner } from "./xml.ts";

interface Suite {
  name: string;
  file: string;
  unit: TimeUnit;
  declared: number | null;
  cases: number;
  attempts: number;
  nested: boolean;
}

interface Case extends Outcome {
  attributes: XmlAttributes;
  faults: Fault[];
  /** Failed attempts before the last (`flakyFailure`) or after the first (`rerunFailure`). */
  tries: { fault: Fault; time: string | undefined; later: boolean }[];
}

const faultNames: Record<string, { kind: Fault["kind"]; tries?: "earlier" | "later" }> = {
  failure: { kind: "fail" },
  error: { kind: "error" },
  flakyFailure: { kind: "fail", tries: "earlier" },
  flakyError: { kind: "error", tries: "earlier" },
  rerunFailure: { kind: "fail", tries: "later" },
  rerunError: { kind: "error", tries: "later" },
};

/** Most cases have neither faults nor tries: they share this. */
const none: never[] = [];
/** Faults and tries of one case that are kept. */
const most = 100;

class JUnitReader implements XmlHandler {
  wantsText = false;
  scanner!: XmlScanner;
  #context: ReadContext;
  #places: JUnitPlaces;
  #dialect: Dialect | null = null;
  #root: XmlAttributes | null = null;
  #rootSeen = false;
  #rootOpen = false;
  #suites: Suite[] = [];
  #suiteNames: string[] = [];
  /** Suites deeper than the limit. */
  #deeper = 0;
  #case: Case | null = null;
  #fault: Fault | null = null;
  #faultName = "";
  #cases = 0;
  #attempts = 0;
  #declared = 0;
  /** What the user says and, of Playwright's suites, the browser project. */
  #variant: string;

  constructor(context: ReadContext) {
    this.#context = context;
    this.#variant = context.variant ?? "";
    this.#places = new JUnitPlaces(context.resolver, context.root, context.path, context.limits.name);
  }

  warning(message: string): void {
    this.#context.warn(message, this.scanner.line);
  }

  open(name: string, attributes: XmlAttributes): void {
    const local = name.includes(":") ? name.slice(name.lastIndexOf(":") + 1) : name;
    if (local === "testcase") this.#openCase(attributes);
    else if (local === "testsuite") this.#openSuite(attributes);
    else if (local === "testsuites") {
      if (!this.#rootSeen) this.#root = attributes;
      this.#rootSeen = true;
      this.#rootOpen = true;
    } else if (local === "skipped" && this.#case) {
      this.#case.skipped ??= { type: attributes.type ?? "", message: attributes.message ?? "" };
    } else if (local === "property" && this.#cases === 0 && this.#dialect === "generic") {
      this.#dialect = dialectOfProperty(attributes.name) ?? "generic";
    } else if (Object.hasOwn(faultNames, local)) {
      this.#openFault(local, attributes);
    }
  }

  close(name: string): void {
    const local = name.includes(":") ? name.slice(name.lastIndexOf(":") + 1) : name;
    if (local === "testcase") this.#closeCase();
    else if (local === "testsuite") this.#closeSuite();
    else if (local === "testsuites") this.#rootOpen = false;
    else if (this.#fault && local === this.#faultName) this.#endText();
  }

  text(text: string): void {
    if (!this.#fault) return;
    const limit = this.#context.limits.message * 4;
    this.#fault.text = (this.#fault.text + text).trimStart().slice(0, limit);
    if (this.#fault.text.length >= limit || this.#fault.text.includes("\n")) this.wantsText = false;
  }

  /** Ends the report. */
  finish(cut: boolean): ReadOutcome {
    const open = this.#case;
    if (open) {
      // The verdict never came: what is known to have failed has, the rest did not get through.
      if (open.faults === none) open.faults = [{ kind: "error", type: "", message: "The report ends here.", text: "" }];
      this.#closeCase();
    }
    const complete = !cut && !open && !this.#rootOpen && this.#suites.length === 0;
    if (!complete) this.#context.warn("The report is cut: its end is missing.", this.scanner.line);
    while (this.#suites.length > 0) this.#closeSuite();
    this.#compare(this.#root?.tests, this.#cases, this.#attempts, "The report");
    if (this.#cases > 0) return { complete };
    if (!this.#rootSeen) return { complete: false, invalid: "It holds no <testsuites>, <testsuite> or <testcase>." };
    const declared = Math.max(this.#declared, count(this.#root?.tests) ?? 0);
    if (declared > 0) return { complete: false, invalid: `It says ${declared} tests, and holds none.` };
    return complete ? { complete } : { complete, invalid: "It is cut before its first test." };
  }

  #openSuite(attributes: XmlAttributes): void {
    this.#flushCase();
    this.#rootSeen = true;
    this.#dialect ??= dialectOf(this.#root, attributes);
    if (this.#suites.length >= this.#context.limits.depth) {
      if (this.#deeper++ === 0)
        this.warning(`Suites are nested over ${this.#suites.length} deep; deeper ones are one.`);
      return;
    }
    const parent = this.#suites.at(-1);
    if (parent) parent.nested = true;
    const { timeUnit, written } = this.#context;
    this.#suites.push({
      name: attributes.name ?? "",
      file: this.#file(attributes) ?? parent?.file ?? "",
      unit:
        timeUnit !== "auto"
          ? timeUnit
          : parent?.unit === "ms"
            ? "ms"
            : unitOf(attributes.timestamp, attributes.time, written),
      declared: count(attributes.tests),
      cases: 0,
      attempts: 0,
      nested: false,
    });
    this.#suiteNames.push(attributes.name ?? "");
    const project = this.#dialect === "playwright" ? attributes.hostname : undefined;
    this.#variant = [this.#context.variant, project].filter(Boolean).join("/");
  }

  #closeSuite(): void {
    this.#flushCase();
    if (this.#deeper > 0) {
      this.#deeper--;
      return;
    }
    const suite = this.#suites.pop();
    if (!suite) return;
    this.#suiteNames.pop();
    this.#declared += suite.declared ?? 0;
    // Suites of suites are counted in more ways than one.
    if (!suite.nested && suite.cases > 0)
      this.#compare(suite.declared, suite.cases, suite.attempts, `The suite "${suite.name.slice(0, 80)}"`);
  }

  #compare(declared: number | string | null | undefined, cases: number, attempts: number, what: string): void {
    const said = typeof declared === "number" ? declared : count(declared ?? undefined);
    if (said !== null && said !== cases && said !== attempts)
      this.#context.warn(`${what} says ${said} tests, and holds ${cases}.`, this.scanner.line);
  }

  #openCase(attributes: XmlAttributes): void {
    this.#flushCase();
    this.#rootSeen = true;
    this.#dialect ??= "generic";
    this.#case = {
      attributes,
      faults: none,
      skipped: null,
      status: attributes.status?.toLowerCase() ?? "",
      result: attributes.result?.toLowerCase() ?? "",
      tries: none,
    };
  }

  #openFault(name: string, attributes: XmlAttributes): void {
    this.#endText();
    const { kind, tries } = faultNames[name]!;
    const fault: Fault = { kind, type: attributes.type ?? "", message: attributes.message ?? "", text: "" };
    if (!this.#case) {
      if (tries || this.#suites.length === 0) return;
      // A suite that failed by itself: the failure belongs to no test, and must not be lost.
      this.warning(`A <${name}> belongs to a suite, not to a test.`);
      this.#openCase({ __proto__: null, name: "(suite)", classname: "" } as unknown as XmlAttributes);
      this.#case!.faults = [fault];
      this.#closeCase();
      return;
    }
    if (!tries) this.#case.faults = kept(this.#case.faults, fault);
    else this.#case.tries = kept(this.#case.tries, { fault, time: attributes.time, later: tries === "later" });
    this.#fault = fault;
    this.#faultName = name;
    this.wantsText = fault.message === "";
  }

  #endText(): void {
    this.#fault = null;
    this.wantsText = false;
  }

  /** Ends a case whose end tag is missing. */
  #flushCase(): void {
    if (!this.#case) return;
    this.warning("A test's end is missing.");
    this.#closeCase();
  }

  #closeCase(): void {
    const testcase = this.#case;
    if (!testcase) return;
    this.#endText();
    this.#case = null;
    this.#cases++;
    const suite = this.#suites.at(-1);
    if (suite) suite.cases++;
    const executions = this.#executions(testcase, suite);
    this.#attempts += executions.length;
    if (suite) suite.attempts += executions.length;
    this.#context.emit(executions, this.#repeats(testcase));
  }

  #repeats(testcase: Case): Repeats {
    if (this.#dialect === "go") return "attempt";
    if (this.#dialect === "pytest" && testcase.faults[0]?.message.startsWith("failed on teardown")) return "teardown";
    return "ordinal";
  }

  #executions(testcase: Case, suite: Suite | undefined): Execution[] {
    const { attributes } = testcase;
    const dialect = this.#dialect ?? "generic";
    if (!attributes.name) this.warning("A test has no name.");
    const place = this.#places.place(
      {
        name: attributes.name || "(no name)",
        className: attributes.classname ?? attributes.class ?? "",
        file: this.#file(attributes) ?? suite?.file ?? "",
        suites: this.#suiteNames,
      },
      dialect,
    );
    if (place.id.includes("\\u00")) this.warning("A test's name holds control characters; they are escaped.");
    const unit = suite?.unit ?? (this.#context.timeUnit === "ms" ? "ms" : "s");
    const time = this.#time(attributes.time ?? attributes.duration, unit);
    const own = this.#execution(place, statusOf(testcase, dialect), time, testcase.faults);
    if (testcase.tries === none) return [own];
    const tries = (later: boolean) =>
      testcase.tries
        .filter((each) => each.later === later)
        .map(({ fault, time }) => this.#execution(place, faultStatus(fault), this.#time(time, unit), [fault]));
    const attempts = [...tries(false), own, ...tries(true)];
    attempts.forEach((each, index) => {
      if (index > 0) each.attempt = index + 1;
    });
    return attempts;
  }

  #execution(place: Placed, status: Status, duration: number | null, faults: readonly Fault[]): Execution {
    const { id, file, param } = place;
    // Two literals: a field that is added later costs a second object for each of many executions.
    const made: Execution =
      param === undefined
        ? { id, file, status, duration_ms: duration }
        : { id, file, status, duration_ms: duration, param };
    if (this.#variant !== "") made.variant = this.#variant;
    const message = messageOf(faults, this.#context.includeMessages, this.#context.limits.message);
    if (message !== undefined) made.message = message;
    return made;
  }

  /** The file that is named, before any work on it: no repository has a longer path. */
  #file({ file, filepath }: XmlAttributes): string | undefined {
    const text = file ?? filepath;
    if (text === undefined || text.length <= MAX_PATH_LENGTH) return text;
    this.warning(`A file's name has ${text.length} characters; it is not kept.`);
    return "";
  }

  #time(text: string | undefined, unit: TimeUnit): number | null {
    const time = parseTime(text, unit);
    if (time === undefined) this.warning(`A test's time is "${text!.slice(0, 40)}"; it is not kept.`);
    return time ?? null;
  }
}

function kept<T>(list: T[], item: T): T[] {
  if (list === none) return [item];
  if (list.length < most) list.push(item);
  return list;
}

function count(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** JUnit XML and its dialects. */
export const junit: ReportFormat = {
  name: "junit",
  sniff: (head) => {
    const text = Buffer.from(head).toString("latin1").replaceAll("\0", "");
    return /<(?:[\w.-]+:)?test(?:suites?|case)[\s/>]/.test(text) || /^\W{0,4}\s*<[?!]/.test(text);
  },
  read: async (stream, context) => {
    const reader = new JUnitReader(context);
    const scanner = new XmlScanner(reader, context.limits.tag);
    reader.scanner = scanner;
    let decoder: ReturnType<typeof decoderFor> | undefined;
    for await (const chunk of stream) {
      decoder ??= decoderFor(chunk, (message) => context.warn(message));
      scanner.write(decoder.write(chunk));
    }
    if (decoder) scanner.write(decoder.end());
    return reader.finish(scanner.end());
  },
};
