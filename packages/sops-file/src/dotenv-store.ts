/** The dotenv store: every line is `KEY=value` or `# comment`, with nothing trimmed and no quotes taken off. */
import { SopsError } from "./errors.ts";
import { Budget, type Item, type Mapping, str } from "./tree.ts";

/** @throws SopsError with the line, and nothing of its content */
export function readDotenv(text: string): Mapping {
  const budget = new Budget();
  const items = text.split("\n").flatMap((line, i): Item[] => {
    if (line === "") return [];
    budget.take(1);
    if (line.startsWith("#")) return [{ key: null, value: { kind: "comment", text: line.slice(1) } }];
    const equals = line.indexOf("=");
    if (equals === -1) throw new SopsError("malformed", `Line ${i + 1} is neither \`KEY=value\` nor a comment.`);
    return [{ key: line.slice(0, equals), value: str(line.slice(equals + 1).replaceAll("\\n", "\n")) }];
  });
  return { kind: "map", items };
}
