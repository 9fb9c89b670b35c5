import { boolean, declareInputs, lines, number, oneOf, required, secret, text } from "@goatnote/action-io";

/** Which files, and what opens them. */
export const sourceInputs = {
  files: required(lines("paths or glob patterns, one per line")),
  format: oneOf("auto", "yaml", "json", "dotenv", "ini", "binary"),
  "age-key": secret(),
  "age-key-file": text("a file path"),
  "age-key-passphrase": secret(),
  "pgp-key": secret(),
  "pgp-passphrase": secret(),
  "kms-allow": lines("names of keys, one per line"),
  "missing-key": oneOf("fail", "skip"),
  "max-file-size": number({ min: 1, max: 100_000_000, integer: true }),
  "allow-pull-request-head": boolean(),
};

/** Which values, under which names. */
const choiceInputs = {
  keys: lines("paths such as `db.password`, or `db.password as PGPASSWORD`, one per line"),
  prefix: text("letters, digits and `_`"),
  case: oneOf("keep", "upper", "lower"),
  "no-mask": lines("paths such as `db.host`, `*` for any part, one per line"),
  "min-mask-length": number({ min: 1, max: 64, integer: true }),
  "short-secrets": oneOf("refuse", "warn", "allow"),
  "allow-env": lines("names of variables, one per line"),
};

export const mainInputs = declareInputs({
  ...sourceInputs,
  ...choiceInputs,
  export: oneOf("none", "env", "outputs", "file"),
  "output-file": text("a file path"),
  "output-format": oneOf("same", "json", "yaml", "dotenv"),
});

export const execInputs = declareInputs({
  ...sourceInputs,
  ...choiceInputs,
  run: required(text("a script")),
  shell: oneOf("bash", "sh"),
  "working-directory": text("a folder"),
});

export const lintInputs = declareInputs({
  paths: lines("paths or glob patterns, one per line"),
  config: text("a file path"),
  "fail-on": oneOf("error", "warning", "note", "none"),
});
