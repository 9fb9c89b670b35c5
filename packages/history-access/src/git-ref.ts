/** git on a private repository of ours: the job's token in the environment of the child, and nothing of the machine's own. */
import { Buffer } from "node:buffer";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { redact, registerSecret, run } from "@goatnote/action-io";
import { type Git, type RefStore, refStore } from "@goatnote/ci-history";

/** The repository that has the ref, and the token that may read or write it. */
export interface GitPlace {
  /** `https://github.com/owner/name`, without credentials. */
  url: string;
  ref: string;
  token: string;
  /** A folder for the private repository; somebody else empties it. */
  temp: string;
}

/** The store at a ref. Its private repository is made when the store is first asked. */
export function gitRefStore({ url, ref, token, temp }: GitPlace): RefStore {
  let folder: Promise<string> | undefined;
  const git = gitWithToken(url, token, () => {
    folder ??= mkdtemp(join(temp, "history-"));
    return folder;
  });
  return refStore(git, { url, ref });
}

// A job that hangs costs its user more than a record that is missing.
const TIMEOUT_MS = 120_000;
const MOST_OUTPUT = 256 * 1024 * 1024;

// What the job or its user set for their own git must not lead ours elsewhere, nor write down what ours sends.
const FOREIGN = [
  ...["GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR"],
  ...["GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES", "GIT_SHALLOW_FILE", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS"],
  ...[
    "GIT_TEMPLATE_DIR",
    "GIT_DEFAULT_HASH",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_PROXY_COMMAND",
  ],
  ...[
    "GIT_TRACE",
    "GIT_TRACE_CURL",
    "GIT_CURL_VERBOSE",
    "GIT_TRACE_CURL_NO_DATA",
    "GIT_TRACE_REDACT",
    "GIT_TRACE_PACKET",
  ],
  ...["GIT_TRACE_PACKFILE", "GIT_TRACE_SETUP", "GIT_TRACE_SHALLOW", "GIT_TRACE_PERFORMANCE", "GIT_TRACE_REFS"],
  ...["GIT_TRACE2", "GIT_TRACE2_EVENT", "GIT_TRACE2_PERF", "GIT_TRACE2_ENV_VARS", "GIT_TRACE2_CONFIG_PARAMS"],
];

const HARMLESS: readonly (readonly [string, string])[] = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["credential.helper", ""],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["http.followRedirects", "false"],
  ["transfer.credentialsInUrl", "die"],
];

/**
 * git with a token that is in no argument, file or message: it goes as `http.<server>.extraHeader` through the child's
 * environment, to this server only.
 * @param folder the private repository
 */
function gitWithToken(url: string, token: string, folder: () => Promise<string>): Git {
  const credentials = Buffer.from(`x-access-token:${token}`).toString("base64");
  if (token !== "") for (const secret of [token, credentials]) registerSecret(secret);
  const header = `http.${url}.extraHeader`;
  const config = [...HARMLESS, ...(token === "" ? [] : [[header, `AUTHORIZATION: basic ${credentials}`] as const])];
  const environment: Record<string, string | undefined> = {
    ...Object.fromEntries(FOREIGN.map((name) => [name, undefined])),
    ...Object.fromEntries(
      config.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
    GIT_CONFIG_COUNT: String(config.length),
    GIT_CONFIG_GLOBAL: "/dev/null",
    // git for Windows keeps the place of its certificates there.
    GIT_CONFIG_NOSYSTEM: process.platform === "win32" ? undefined : "1",
    GIT_ALLOW_PROTOCOL: "http:https:file",
    GIT_TERMINAL_PROMPT: "0",
    GCM_INTERACTIVE: "never",
    LC_ALL: "C",
  };
  return async (args, input) => {
    const { code, stdout, stderr } = await run(["git", ...args], {
      env: { ...environment, GIT_DIR: await folder() },
      ...(input !== undefined && { input }),
      encoding: "latin1",
      timeoutMs: TIMEOUT_MS,
      maxOutput: MOST_OUTPUT,
      check: false,
    });
    return { code, stdout: Buffer.from(stdout, "latin1"), stderr: redact(stderr) };
  };
}
