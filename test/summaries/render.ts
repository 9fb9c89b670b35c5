/** Job summaries as GitHub shows them, near enough to see what is broken: GFM by markdown-it, pictures by mermaid, in Chromium. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Parser } from "htmlparser2";
import MarkdownIt from "markdown-it";

export interface Browser {
  /** Absolute paths of Chromium, and of mermaid's bundle for browsers. */
  chromium: string;
  mermaid: string;
}

const style = `body { font: 14px/1.5 "DejaVu Sans", sans-serif; color: #1f2328; margin: 24px; width: 852px; }
h1, h2, h3 { line-height: 1.25; margin: 20px 0 12px; } h3 { font-size: 1.25em; }
table { border-collapse: collapse; margin: 0 0 16px; } th, td { border: 1px solid #d1d9e0; padding: 6px 13px; }
tr:nth-child(2n) { background: #f6f8fa; } code { background: #eff1f3; padding: 2px 5px; border-radius: 6px; font: 12px "DejaVu Sans Mono", monospace; }
pre { background: #f6f8fa; padding: 12px; overflow: auto; } pre code { background: none; padding: 0; } summary { cursor: pointer; }
img { max-width: 100%; }`;

/**
 * Puts each summary on the page, draws what is fenced as mermaid, and leaves there what failed, how high it is, and what is
 * wider than it.
 */
const script = `
mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });
(async () => {
  let n = 0;
  // Each by itself, so that a tag left open ends with its summary.
  for (const html of summaries) document.body.appendChild(document.createElement("section")).innerHTML = html;
  for (const code of document.querySelectorAll("code.language-mermaid")) {
    const figure = document.createElement("figure");
    try { figure.innerHTML = (await mermaid.render("m" + n++, code.textContent)).svg; figure.dataset.drawn = ""; }
    catch (error) { figure.dataset.failed = String(error.message ?? error); }
    code.parentElement.replaceWith(figure);
  }
  for (const each of document.querySelectorAll("table, figure, p"))
    if (each.scrollWidth > 2 * document.body.clientWidth) each.dataset.wide = each.scrollWidth;
  for (const svg of document.querySelectorAll("figure svg")) {
    const { left, right } = svg.getBoundingClientRect();
    const cut = [...svg.querySelectorAll("text")].find((text) => {
      const box = text.getBoundingClientRect();
      return box.left < left - 1 || box.right > right + 1;
    });
    if (cut) svg.closest("figure").dataset.cut = cut.textContent;
  }
  document.body.dataset.height = document.documentElement.scrollHeight;
})();`;

const page = (summaries: string[], mermaid: string): string => {
  const bodies = summaries.map((markdown) => new MarkdownIt({ html: true, linkify: true }).render(markdown));
  const data = JSON.stringify(bodies).replaceAll("<", "\\u003c");
  return `<!doctype html><meta charset="utf-8"><style>${style}</style><body>
<script src="${pathToFileURL(mermaid)}"></script><script>const summaries = ${data};${script}</script>`;
};

/** Runs Chromium on a page of summaries. @returns what it printed */
function inChromium({ chromium, mermaid }: Browser, summaries: string[], ...args: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "summary-"));
  try {
    const file = join(folder, "summary.html");
    writeFileSync(file, page(summaries, mermaid));
    const always = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--hide-scrollbars",
      `--user-data-dir=${join(folder, "profile")}`,
    ];
    return execFileSync(chromium, [...always, "--virtual-time-budget=30000", ...args, pathToFileURL(file).href], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, HOME: folder },
      timeout: 120_000,
      maxBuffer: 1 << 28,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What GitHub lets through of HTML in Markdown, as far as anybody would use it here. */
const allowed = new Set(
  "a b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li ol p picture pre s samp source span strong sub summary sup table tbody td tfoot th thead tr ul".split(
    " ",
  ),
);

/** What Markdown alone shows: rows that have not as many cells as their table, HTML that GitHub takes out, tags left open. */
export function sourceProblems(markdown: string): string[] {
  const found: string[] = [];
  const prose = markdown.replace(/^(`{3,}|~{3,})[\s\S]*?^\1/gm, "");
  const cells = (row: string): number => row.replace(/\\\|/g, "").split("|").length;
  const lines = prose.split("\n");
  for (const [i, line] of lines.entries()) {
    if (!/^\|( *:?-+:? *\|)+$/.test(line)) continue;
    for (const at of [i - 1, ...rowsAfter(lines, i)])
      if (cells(lines[at] ?? "") !== cells(line))
        found.push(`a row has another number of cells than its table: ${lines[at]}`);
  }
  if ((prose.match(/^```/gm) ?? []).length > 0) found.push("a fence is not closed");
  const open: string[] = [];
  const parser = new Parser({
    onopentagname(name) {
      if (!allowed.has(name)) found.push(`GitHub takes out <${name}>`);
      if (!["br", "hr", "img", "source"].includes(name)) open.push(name);
    },
    onclosetag(name, isImplied) {
      if (isImplied && !["br", "hr", "img", "source"].includes(name)) found.push(`<${name}> is not closed`);
      open.splice(open.lastIndexOf(name), 1);
    },
  });
  parser.end(prose.replace(/`[^`\n]*`/g, ""));
  return found;
}

function rowsAfter(lines: string[], head: number): number[] {
  const end = lines.findIndex((line, i) => i > head && line.trim() === "");
  return Array.from({ length: (end === -1 ? lines.length : end) - head - 1 }, (_, i) => head + 1 + i);
}

/** What the page shows: pictures that could not be drawn, tables that are none, what is far too wide. */
export interface Look {
  problems: string[];
  tables: number;
  pictures: number;
}

/** Looks at summaries in one Chromium. @returns a look at each, and the height of all in pixels */
export function look(browser: Browser, summaries: string[]): { looks: Look[]; height: number } {
  const html = inChromium(browser, summaries, "--dump-dom");
  const looks = summaries.map((markdown): Look => ({ problems: sourceProblems(markdown), tables: 0, pictures: 0 }));
  let at = -1;
  let seen: Look = { problems: [], tables: 0, pictures: 0 };
  let height = 0;
  let paragraph = "";
  const parser = new Parser({
    onopentag(name, attributes) {
      if (name === "section") seen = looks[++at]!;
      if (name === "table") seen.tables++;
      if (name === "p") paragraph = "";
      if (name === "body") height = Number(attributes["data-height"] ?? 0);
      if ("data-drawn" in attributes) seen.pictures++;
      if ("data-failed" in attributes) seen.problems.push(`mermaid: ${attributes["data-failed"]}`);
      if ("data-cut" in attributes) seen.problems.push(`a picture cuts off: ${attributes["data-cut"]}`);
      if ("data-wide" in attributes) seen.problems.push(`<${name}> is ${attributes["data-wide"]} pixels wide`);
    },
    ontext(text) {
      paragraph += text;
    },
    onclosetag(name) {
      if (name === "p" && /^\|.*\|$/m.test(paragraph))
        seen.problems.push(`a table is shown as text: ${paragraph.slice(0, 80)}`);
    },
  });
  parser.end(html);
  if (height === 0 || at !== looks.length - 1)
    throw new Error(`Chromium did not finish the page: ${html.slice(-1000)}`);
  return { looks, height };
}

/** Takes a picture of a summary. @returns a PNG */
export function screenshot(browser: Browser, markdown: string): Buffer {
  const { height } = look(browser, [markdown]);
  const folder = mkdtempSync(join(tmpdir(), "screenshot-"));
  try {
    const file = join(folder, "page.png");
    inChromium(browser, [markdown], `--screenshot=${file}`, `--window-size=900,${Math.min(height + 24, 4000)}`);
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
