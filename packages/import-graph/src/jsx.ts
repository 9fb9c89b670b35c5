/** The JSX runtime, which a compiler imports though no file states it (https://www.typescriptlang.org/tsconfig/#jsxImportSource). */
import type { Import } from "./languages.ts";
import type { CompilerOptions } from "./manifests.ts";
import { within } from "./patterns.ts";

const pragma = /@jsxImportSource\s+([^\s*]+)/;
const names = ["jsx", "jsxs", "jsxDEV", "Fragment"];

/** Says what a file imports by its comment, or by the settings of the folders above it. */
export function jsxImports(configured: readonly CompilerOptions[]): (path: string, text: string) => Import[] {
  const settings = configured.flatMap(({ folder, stated }) => {
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
