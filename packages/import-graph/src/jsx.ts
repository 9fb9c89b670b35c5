/** The JSX runtime, which a compiler imports though no file states it (https://www.typescriptlang.org/tsconfig/#jsxImportSource). */
import type { Repository } from "./graph.ts";
import { within } from "./javascript-modules.ts";
import type { Import } from "./languages.ts";
import { compilerOptionsIn } from "./manifests.ts";

const pragma = /@jsxImportSource\s+([^\s*]+)/;
const names = ["jsx", "jsxs", "jsxDEV", "Fragment"];

/** Says what a file imports by its comment, or by the settings of the folders above it. */
export function jsxImports({ texts }: Repository): (path: string, text: string) => Import[] {
  const settings = compilerOptionsIn(texts).flatMap(({ folder, stated }) => {
    const source = stated.find(({ options }) => typeof options.jsxImportSource === "string")?.options.jsxImportSource;
    return typeof source === "string" ? [{ folder, source }] : [];
  });
  return (path, text) => {
    if (!/\.[jt]sx?$/.test(path)) return [];
    const stated = pragma.exec(text)?.[1];
    const set = path.endsWith("x") ? settings.filter(({ folder }) => within(path, folder)) : [];
    const sources = stated === undefined ? new Set(set.map(({ source }) => source)) : [stated];
    return [...sources].flatMap((source) =>
      ["jsx-runtime", "jsx-dev-runtime"].map((runtime) => ({ module: `${source}/${runtime}`, names, locals: {} })),
    );
  };
}
