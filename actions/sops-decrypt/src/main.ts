/** `sops-decrypt`: encrypted files become masked values, given out narrowly and taken back after the job. */

import { basename } from "node:path";
import { exportVariable, setOutput } from "@actions/core";
import { readContext, readInputs, say, setOutputs, UserError, type Values, writeSummary } from "@goatnote/action-io";
import { emit, type Scalar } from "@goatnote/sops-file";
import { checkWhole, nameValues, type OpenedFile, openFiles, textOfNamed } from "./decrypt-files.ts";
import { mainInputs } from "./inputs.ts";
import type { Named } from "./names.ts";
import { outputPlace, writeSecretFile } from "./output-file.ts";
import { summarise } from "./report.ts";
import { noteTraces } from "./state.ts";
import { checkVariables } from "./variables.ts";

type Inputs = Values<typeof mainInputs>;

export async function main(): Promise<void> {
  const inputs = readInputs(mainInputs, process.env, contradictions);
  const context = await readContext(process.env);
  const opened = await openFiles(inputs, context);
  if (opened === null) {
    setOutputs({ decrypted: false, keys: null, file: null });
    return;
  }
  const { files } = opened;
  const whole = inputs.export === "file" && inputs.keys.length === 0;
  if (whole) checkWhole(files, inputs);
  const named = whole
    ? []
    : nameValues(files, inputs, inputs.export === "env" || inputs.export === "outputs" ? inputs.export : "file");
  const file = await giveOut(named, files, inputs, context);
  const keys = named.map(({ name }) => name);
  setOutputs({ decrypted: true, keys: keys.join("\n"), file });
  const what = { files, named, kind: inputs.export, file };
  say(`Decrypted and verified ${files.length} ${files.length === 1 ? "file" : "files"}.`);
  await writeSummary(summarise(what), process.env.GITHUB_STEP_SUMMARY);
}

const ownOutputs = ["decrypted", "keys", "file"];

function contradictions({ export: kind, "output-file": file, "output-format": format, ...rest }: Inputs): string[] {
  return [
    ...(file !== "" && kind !== "file" ? ["Input `output-file` needs `export: file`."] : []),
    ...(format !== "same" && kind !== "file" ? ["Input `output-format` needs `export: file`."] : []),
    ...(rest["allow-env"].length > 0 && kind !== "env" ? ["Input `allow-env` needs `export: env`."] : []),
    ...(kind === "file" && rest.keys.length === 0 && (rest.prefix !== "" || rest.case !== "keep")
      ? ["Inputs `prefix` and `case` with `export: file` need `keys`; a whole file keeps its names."]
      : []),
    ...(format === "same" && kind === "file" && rest.keys.length > 0
      ? ["Input `keys` with `export: file` needs an `output-format`: `json`, `yaml` or `dotenv`."]
      : []),
  ];
}

/** @returns the path of the file that was written; null when none was */
async function giveOut(
  named: readonly Named[],
  files: readonly OpenedFile[],
  inputs: Inputs,
  { workspace, temp }: { workspace: string; temp: string },
): Promise<string | null> {
  const pairs =
    inputs.export === "env" || inputs.export === "outputs"
      ? named.map((each) => [each.name, textOfNamed(each)] as const)
      : [];
  const names = pairs.map(([name]) => name);
  switch (inputs.export) {
    case "none":
      return null;
    case "outputs": {
      const own = names.find((name) => ownOutputs.includes(name));
      if (own !== undefined)
        throw new UserError(
          `A value would get the name of this action's own output \`${own}\`. Rename it with \`keys\` or \`prefix\`.`,
        );
      for (const [name, text] of pairs) setOutput(name, text);
      return null;
    }
    case "env":
      checkVariables(names, new Set(Object.keys(process.env)), inputs["allow-env"]);
      noteTraces({ files: [], variables: names });
      for (const [name, text] of pairs) exportVariable(name, text);
      return null;
    case "file": {
      const { content, name } = fileContent(named, files, inputs);
      const path = await outputPlace({ wanted: inputs["output-file"], workspace, temp, name });
      noteTraces({ files: [path], variables: [] });
      await writeSecretFile(path, content);
      return path;
    }
  }
}

/** The content of the file, and a name for it. */
function fileContent(
  named: readonly Named[],
  files: readonly OpenedFile[],
  inputs: Inputs,
): { content: Buffer; name: string } {
  const [first, ...more] = files as [OpenedFile, ...OpenedFile[]];
  const wanted = inputs["output-format"];
  if (named.length > 0) {
    const items = named.map(({ name, value }) => ({ key: name, value: value as Scalar }));
    const format = wanted === "same" ? "json" : wanted;
    return {
      content: emit([{ kind: "map", items }], format, "json"),
      name: `secrets.${format === "dotenv" ? "env" : format}`,
    };
  }
  if (more.length > 0)
    throw new UserError(
      `Input \`files\` names ${files.length} files, and \`export: file\` writes one. Use the action once for each, or pick values with \`keys\`.`,
    );
  const format = wanted === "same" ? first.format : wanted;
  return {
    content: emit(first.documents, format, wanted === "same" ? first.format : "json"),
    name: basename(first.path),
  };
}
