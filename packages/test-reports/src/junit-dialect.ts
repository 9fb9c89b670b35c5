/** Which runner wrote a JUnit report, and what its names mean. */
import type { ParamDialect } from "@goatnote/ci-history";
import type { XmlAttributes } from "./xml.ts";

export type Dialect =
  | "pytest"
  | "vitest"
  | "node"
  | "playwright"
  | "go"
  | "java"
  | "nextest"
  | "ctest"
  | "gtest"
  | "jest"
  | "generic";

/** How test names hold describe blocks. */
export const separators: Partial<Record<Dialect, string>> = { vitest: " > ", playwright: " › " };

export const paramDialects: Partial<Record<Dialect, ParamDialect>> = {
  pytest: "pytest",
  go: "go",
  java: "junit5",
  gtest: "gtest",
};

const roots: Record<string, Dialect> = {
  "pytest tests": "pytest",
  "vitest tests": "vitest",
  "jest tests": "jest",
  "nextest-run": "nextest",
  AllTests: "gtest",
};

/**
 * What the first suite tells. Reports that say nothing are `generic`, whose names are taken as they are.
 * @param root the attributes of `<testsuites>`, if there is one; @param suite those of the first `<testsuite>`.
 */
export function dialectOf(root: XmlAttributes | null, suite: XmlAttributes): Dialect {
  const known = roots[root?.name ?? ""];
  if (known) return known;
  if (suite.name === "pytest") return "pytest";
  if ("xsi:noNamespaceSchemaLocation" in suite) return "java";
  if (root && "id" in root && "hostname" in suite && /\.[cm]?[jt]sx?$/.test(suite.name ?? "")) return "playwright";
  if (root && Object.keys(root).length === 0 && suite.disabled === "0" && suite.errors === "0" && "hostname" in suite)
    return "node";
  if (!root && "disabled" in suite && "hostname" in suite && suite.time === "0") return "ctest";
  if (!root && /^[\w$]+(?:\.[\w$]+)+$/.test(suite.name ?? "") && "hostname" in suite && "timestamp" in suite)
    return "java";
  return "generic";
}

/** What a `<property>` of a suite tells: gotestsum and go-junit-report name the Go version. */
export function dialectOfProperty(name: string | undefined): Dialect | undefined {
  return name === "go.version" ? "go" : name === "java.version" || name === "java.home" ? "java" : undefined;
}
