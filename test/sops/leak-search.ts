/** Looks for secrets, in every form in which they may turn up, in all that an action printed, wrote or left behind. */
import type { Ended, Lab } from "./lab.ts";

/** A text in the forms in which it may turn up. */
function forms(text: string): string[] {
  const bytes = Buffer.from(text);
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .slice(offset === 0 ? 0 : offset + 1, -4),
  );
  return [
    text,
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    ...base64,
    ...base64.map((form) => form.replaceAll("+", "-").replaceAll("/", "_")),
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
    text.replaceAll("'", "'\\''"),
    [...text].reverse().join(""),
  ];
}

/** Where something secret stands: log, state, outputs, variables, summary, files. Each as `<place>: <secret>`. */
export function placesOf(secrets: readonly string[], lab: Lab, { log }: Pick<Ended, "log">): string[] {
  const places = new Map<string, string>([["log", log]]);
  for (const [path, bytes] of lab.files()) places.set(path, bytes.toString("latin1"));
  return [...places].flatMap(([place, text]) =>
    secrets
      .filter((secret) =>
        forms(secret).some(
          (form) => form.length > 4 && (text.includes(form) || text.includes(Buffer.from(form).toString("latin1"))),
        ),
      )
      .map((secret) => `${place}: ${secret}`),
  );
}
