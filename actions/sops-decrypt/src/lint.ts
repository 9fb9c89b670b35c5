/** `sops-decrypt/lint`: what can be said of encrypted files without a key. */
import { globSync, type Stats } from "node:fs";
import { lstat, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import {
  annotate,
  code,
  prose,
  readContext,
  readInputs,
  run,
  say,
  setOutputs,
  table,
  UserError,
  writeSummary,
} from "@goatnote/action-io";
import {
  type CreationRule,
  type Finding,
  type Level,
  lintFile,
  lintRules,
  lintRulesOf,
  lintSiblings,
  mayBeEncrypted,
  readCreationRules,
  readDocuments,
  SopsError,
  shown,
} from "@goatnote/sops-file";
import { lintInputs } from "./inputs.ts";
import { sarif } from "./sarif.ts";

export async function lint(): Promise<void> {
  const inputs = readInputs(lintInputs, process.env);
  const { workspace, temp } = await readContext(process.env);
  const config = await readConfig(resolve(workspace, inputs.config), workspace);
  const paths = inputs.paths.length > 0 ? globbed(inputs.paths, workspace) : await tracked(workspace);
  const result = await lintAll(paths, workspace, config, dirname(resolve(workspace, inputs.config)));
  const findings = [...config.findings, ...result.findings].toSorted(
    (a, b) => levels.indexOf(a.level) - levels.indexOf(b.level) || a.path.localeCompare(b.path) || a.line - b.line,
  );
  const file = join(temp, "goatnote-sops-lint.sarif");
  await writeFile(file, sarif(findings));
  setOutputs({ findings: findings.length, checked: result.checked, sarif: file });
  annotate(
    findings.map(({ rule, level, path, line, message }) => ({
      kind: level === "note" ? "notice" : level,
      title: `${rule} ${lintRules[rule].text}`,
      // The log shows neither title nor place.
      message: `${rule} ${shown(path, 300)}: ${message}`,
      file: path,
      line,
    })),
  );
  say(
    `Checked ${result.checked} ${result.checked === 1 ? "file" : "files"}: ${findings.length} ${findings.length === 1 ? "finding" : "findings"}.`,
  );
  await writeSummary(summarise(findings, result.checked, config.rules === null), process.env.GITHUB_STEP_SUMMARY);
  const failing =
    inputs["fail-on"] === "none"
      ? []
      : findings.filter(({ level }) => levels.indexOf(level) <= levels.indexOf(inputs["fail-on"] as Level));
  if (failing.length > 0)
    throw new UserError(
      `Of ${findings.length} ${findings.length === 1 ? "finding" : "findings"}, ${failing.length} ${failing.length === 1 ? "is" : "are"} of the level ${inputs["fail-on"]} or worse; they are in the annotations and in the job summary.`,
    );
}

const levels: readonly Level[] = ["error", "warning", "note"];

interface Config {
  rules: CreationRule[] | null;
  findings: Finding[];
}

async function readConfig(file: string, workspace: string): Promise<Config> {
  const path = relative(workspace, file).replaceAll(sep, "/");
  const findings: Finding[] = [];
  if (await isFile(file.replace(/\.yaml$/, ".yml")))
    if (file.endsWith(".yaml"))
      findings.push({
        rule: "S8",
        level: "warning",
        path: path.replace(/\.yaml$/, ".yml"),
        line: 1,
        message: `SOPS does not read it; rename it to ${path}.`,
      });
  if (!(await isFile(file))) return { rules: null, findings };
  try {
    const [document = { kind: "map" as const, items: [] }] = await readDocuments(await readFile(file), "yaml");
    const rules = await readCreationRules(document);
    return { rules, findings: [...findings, ...lintRulesOf(rules, path)] };
  } catch (error) {
    if (error instanceof SopsError) throw new UserError(`${path} cannot be read. ${error.message}`);
    throw error;
  }
}

const isFile = async (path: string): Promise<boolean> => (await lstat(path).catch(() => undefined))?.isFile() ?? false;

async function tracked(workspace: string): Promise<string[]> {
  const { stdout } = await run(["git", "-c", "safe.directory=*", "-C", workspace, "ls-files", "-z"], {
    timeoutMs: 60_000,
  });
  return stdout
    .split("\0")
    .filter(Boolean)
    .map((path) => resolve(workspace, path));
}

function globbed(patterns: readonly string[], workspace: string): string[] {
  const found = patterns.map((pattern) => globSync(pattern, { cwd: workspace }));
  const empty = patterns.find((_, i) => found[i]?.length === 0);
  if (empty !== undefined)
    throw new UserError(`Input \`paths\`: nothing is at ${JSON.stringify(empty)} below the workspace.`);
  return [...new Set(found.flat())].map((path) => resolve(workspace, path));
}

// Nobody keeps more than this under SOPS, and images and data sets are larger.
const largestFile = 10_000_000;

async function lintAll(
  paths: readonly string[],
  workspace: string,
  { rules }: Config,
  folder: string,
): Promise<{ findings: Finding[]; checked: number }> {
  const findings: Finding[] = [];
  const encrypted: string[] = [];
  let checked = 0;
  for (const absolute of paths) {
    const path = relative(workspace, absolute).replaceAll(sep, "/");
    const stats: Stats | undefined = await lstat(absolute).catch(() => undefined);
    // A link's target is looked at in its own place.
    if (!stats?.isFile() || /(^|\/)\.sops\.ya?ml$/.test(path)) continue;
    const underRule = relative(folder, absolute).replaceAll(sep, "/");
    const named = rules?.some(({ matches, pathRegex }) => pathRegex !== null && matches(underRule)) ?? false;
    if (stats.size > largestFile) {
      if (named)
        findings.push({
          rule: "S9",
          level: "error",
          path,
          line: 1,
          message: `It has more than ${largestFile} bytes, and was not checked.`,
        });
      continue;
    }
    const content = await readFile(absolute);
    if (mayBeEncrypted(content)) encrypted.push(path);
    else if (!named) continue;
    checked++;
    for (const finding of await lintFile({ path: underRule, content }, rules)) findings.push({ ...finding, path });
  }
  const all = new Set(paths.map((path) => relative(workspace, path).replaceAll(sep, "/")));
  return { findings: [...findings, ...lintSiblings(encrypted, all)], checked };
}

const shownFindings = 200;

function summarise(findings: readonly Finding[], checked: number, noRules: boolean): string {
  const rows = findings
    .slice(0, shownFindings)
    .map(({ rule, level, path, line, message }) => [rule, level, code(`${path}:${line}`), prose(message)]);
  const rules = noRules ? "\nThere is no `.sops.yaml`, so nothing was compared with creation rules.\n" : "";
  return [
    findings.length === 0
      ? `### ${checked} encrypted files, no finding\n`
      : `### ${findings.length} ${findings.length === 1 ? "finding" : "findings"} in ${checked} encrypted ${checked === 1 ? "file" : "files"}\n`,
    table(["rule", "level", "place", "finding"], rows),
    findings.length > shownFindings ? `and ${findings.length - shownFindings} more.\n` : "",
    rules,
    "\nChecked without a key: that values are encrypted, and for whom. Not checked: that they can be decrypted, and their MAC.\n",
  ].join("");
}
