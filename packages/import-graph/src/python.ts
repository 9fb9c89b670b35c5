/** Imports of Python, also those within functions, and modules that strings name. Not seen: names that are made at run time. */
import type { Import } from "./languages.ts";
import { type Members, membersIn } from "./members.ts";
import { modulesNamedIn } from "./python-strings.ts";

const notCode = /"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|#[^\n]*/g;
// Each character in one way only, so that no line takes the square of its length. A statement may follow another, or a colon.
const statement =
  /(?:^|[;:])[ \t]*(?:from(?=[ \t.])([ \t.\p{XIDC}]*?)(?<=[ \t.])import(?!\p{XIDC})[ \t]*(\([^()]*\)|[^\n;]*)|import[ \t]+([^\n;]+))/gmu;
const plugins = /^pytest_plugins\b[^=\n]*=\s*(\[[^\]]*\]|\([^)]*\)|[^\n]*)/m;

/** The imports of a module's text; `from a import b` names `b`, which may be a module or what `a` holds. */
export function pythonImports(source: string): Import[] {
  const strings = new Set<string>();
  const text = source.replace(/\\\r?\n/g, " ").replace(notCode, (found) => {
    if (!found.startsWith("#")) strings.add(found.slice(1, -1));
    return found.replace(/[^\n]/g, " ");
  });
  const members = membersIn(text);
  const found: Import[] = [];
  for (const [, from, list, plain] of text.matchAll(statement)) {
    if (from !== undefined) {
      // Two words in a row are no module.
      if (!/\p{XIDC}[ \t]+[\p{XIDC}.]/u.test(from)) found.push(fromImport(from.replace(/\s/g, ""), list!, members));
    } else
      for (const part of plain!.split(",")) {
        const [, module, alias] = part.match(/^\s*([\p{XIDC}.]+)(?:\s+as\s+(\p{XIDC}+))?\s*$/u) ?? [];
        if (module === undefined) continue;
        found.push({ module, names: [...(members.get(alias ?? module) ?? [])], locals: { [alias ?? module]: "*" } });
      }
  }
  // https://docs.pytest.org/en/stable/how-to/plugins.html: modules that pytest imports for a test module or a conftest.py
  const [, named = ""] = source.includes("pytest_plugins") ? (source.replace(/#[^\n]*/g, "").match(plugins) ?? []) : [];
  for (const [, a, b] of named.matchAll(/"([^"\n]+)"|'([^'\n]+)'/g))
    for (const module of (a ?? b)!.split(",")) found.push({ module: module.trim(), names: null, locals: {} });
  return [...found, ...modulesNamedIn(source, strings)];
}

function fromImport(module: string, list: string, members: Members): Import {
  const pairs = [...list.matchAll(/(\p{XIDC}+|\*)(?:\s+as\s+(\p{XIDC}+))?/gu)].map(
    ([, name, alias]) => [alias ?? name!, name!] as const,
  );
  const locals = Object.fromEntries(pairs);
  if ("*" in locals) return { module, names: null, locals };
  // `from package import module` and then `module.name` uses that one name.
  const deeper = pairs.flatMap(([local, name]) => [...(members.get(local) ?? [])].map((member) => `${name}.${member}`));
  return { module, names: [...pairs.map(([, name]) => name), ...deeper], locals };
}
