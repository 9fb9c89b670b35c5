/** Modules of Python that are named in strings: for `importlib`, `mock.patch`, plug-ins, and Python started with `-m`. */
import type { Import } from "./languages.ts";

const dotted = /^\p{XIDS}\p{XIDC}*(?:\.\p{XIDC}+)+$/u;
// No path of a module is as deep.
const mostParts = 20;
const relative = /\bimport_module\(\s*["'](\.[\p{XIDC}.]{0,200})["']/gu;
const started = /["']-m["']\s*,\s*["']([\p{XIDC}.]+)["']/gu;
const computed =
  /\bimport_module\(\s*(?:f["']([\p{XIDC}.]{0,200})\{|f["']\{__(?:name|package)__\}(\.)|["']([\p{XIDC}.]{0,200})["']\s*\+)/gu;

/**
 * The modules that strings may name: `lab.model.fit` is of `lab` or of `lab.model`. Of a name that is computed behind a
 * package, each module of the package.
 * @param strings what is between their quotes
 */
export function modulesNamedIn(source: string, strings: ReadonlySet<string>): Import[] {
  const found: Import[] = [];
  const add = (module: string, names: string[] | null): void => void found.push({ module, names, locals: {} });
  for (const text of strings) {
    if (!dotted.test(text)) continue;
    const parts = text.split(".");
    if (parts.length > mostParts) continue;
    for (let end = parts.length - 1; end > 0; end -= 1) add(parts.slice(0, end).join("."), [parts[end]!]);
  }
  for (const [, module] of source.matchAll(relative)) add(module!, null);
  for (const [, module] of source.matchAll(started)) add(module!, ["__main__"]);
  for (const [, a, b, c] of source.matchAll(computed)) {
    const begin = (a ?? b ?? c)!;
    const module = begin.slice(0, begin.lastIndexOf(".") + 1);
    if (module !== "") found.push({ module, names: null, locals: {}, isPattern: true });
  }
  return found;
}
