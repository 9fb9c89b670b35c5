import fc from "fast-check";
import { expect, test } from "vitest";
import { between, cell, reference } from "./docs.ts";

test("an entry's reference holds each input and output, with what is allowed", () => {
  const text = reference({
    name: "weigh/scale",
    metadata: {
      description: "Weigh things",
      inputs: {
        unit: { description: "Unit of `weight`", default: "kg" },
        things: { description: "What to weigh,\none per line | or two", required: true },
        ignore: { description: "Globs", default: "**/*.md\na|b\n" },
      },
      outputs: { weight: { description: "The sum" } },
    },
    allowed: { unit: "`kg` or `lb`" },
  });
  expect(text).toBe(`### \`uses: goatnote/weigh/scale@v1\`

Weigh things.

| Input | Default | Allowed | Meaning |
| --- | --- | --- | --- |
| \`unit\` | \`kg\` | \`kg\` or \`lb\` | Unit of \`weight\` |
| \`things\` (required) |  |  | What to weigh,<br>one per line \\| or two |
| \`ignore\` | \`**/*.md\`<br>\`a\\|b\` |  | Globs |

| Output | Meaning |
| --- | --- |
| \`weight\` | The sum |`);
});

test("an entry without inputs and outputs says so", () => {
  const text = reference({ name: "x", metadata: { description: "Nothing." }, allowed: {} });
  expect(text).toBe("### `uses: goatnote/x@v1`\n\nNothing.\n\nNo inputs.\n\nNo outputs.");
});

test("no text ends a cell or a row, or is taken for HTML outside of code", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(cell(text)).not.toMatch(/(^|[^\\])\||\n/);
    }),
  );
  expect(cell("write <name> or `<name>`")).toBe("write &lt;name> or `<name>`");
});

test("the reference replaces what is between the markers, and nothing else", () => {
  const readme = "# X\n<!-- reference:start -->\nold\n<!-- reference:end -->\nrest\n";
  const once = between(readme, "new");
  expect(once).toBe("# X\n<!-- reference:start -->\n\nnew\n\n<!-- reference:end -->\nrest\n");
  expect(between(once, "new")).toBe(once);
});

test.each([
  ["no markers", "# X"],
  ["no end", "<!-- reference:start -->"],
  ["the wrong order", "<!-- reference:end --><!-- reference:start -->"],
  ["two starts", "<!-- reference:start --><!-- reference:start --><!-- reference:end -->"],
])("a README with %s is refused", (_, readme) => {
  expect(() => between(readme, "new")).toThrow("needs the markers");
});
