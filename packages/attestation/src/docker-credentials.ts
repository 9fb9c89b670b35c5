/**
 * Who we are at an image registry, by the file that `docker login` writes. Sigstore's client reads that file too, but neither
 * credential helpers nor a folder that DOCKER_CONFIG names.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { registerSecret, run, UserError } from "@goatnote/action-io";
import { dockerHub } from "./image-name.ts";

export interface RegistryCredentials {
  /** `<token>` where `password` is a refresh token. */
  username: string;
  password: string;
  /** Headers that the file adds to every request. */
  headers?: Record<string, string>;
}

/** https://github.com/docker/cli/blob/master/cli/config/configfile/file.go */
interface DockerConfig {
  auths?: Record<string, { auth?: string; username?: string; password?: string; identitytoken?: string }>;
  /** A program for all registries, and for one each. */
  credsStore?: string;
  credHelpers?: Record<string, string>;
  HttpHeaders?: Record<string, string>;
}

const dockerHubKey = "https://index.docker.io/v1/";
const helperMs = 30_000;

/** The host of a key such as `ghcr.io` or `https://index.docker.io/v1/`; Docker Hub has several. */
function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, "").split("/")[0]!;
  return dockerHub.has(host) ? "docker.io" : host;
}

/** The entry of exactly this host. */
const entryFor = <T>(entries: Record<string, T> | undefined, host: string): [string, T] | undefined =>
  Object.entries(entries ?? {}).find(([key]) => hostOf(key) === hostOf(host));

/**
 * Credentials for a registry, by its own credential helper, else by that for all, else as they stand in the file.
 * @param folder that of `config.json`
 * @param host of the registry, with its port
 * @returns undefined when nobody logged in there; what is found is masked
 * @throws UserError when the file is none, or a helper fails
 */
export async function dockerCredentials(folder: string, host: string): Promise<RegistryCredentials | undefined> {
  const config = await readConfig(join(folder, "config.json"));
  const helper = entryFor(config.credHelpers, host)?.[1] ?? config.credsStore;
  const found = (helper && (await askHelper(helper, host))) || storedIn(config, host);
  if (!found) return undefined;
  registerSecret(found.password);
  registerSecret(Buffer.from(`${found.username}:${found.password}`).toString("base64"));
  return config.HttpHeaders ? { ...found, headers: config.HttpHeaders } : found;
}

async function readConfig(path: string): Promise<DockerConfig> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return {}; // nobody logged in
  }
  try {
    return (JSON.parse(text) ?? {}) as DockerConfig;
  } catch {
    throw new UserError(`${path} is not JSON, so there are no credentials for the registry.`);
  }
}

function storedIn(config: DockerConfig, host: string): RegistryCredentials | undefined {
  const [, entry] = entryFor(config.auths, host) ?? [];
  if (!entry) return undefined;
  const [user = "", ...rest] = Buffer.from(entry.auth ?? "", "base64")
    .toString()
    .split(":");
  const username = entry.username || user;
  const password = entry.identitytoken || entry.password || rest.join(":");
  return password === "" ? undefined : { username, password };
}

/** https://github.com/docker/docker-credential-helpers: the registry on standard input, JSON on standard output. */
async function askHelper(name: string, host: string): Promise<RegistryCredentials | undefined> {
  if (!/^[\w.-]+$/.test(name))
    throw new UserError("Docker's config.json names a credential helper that cannot be one.");
  const input = hostOf(host) === "docker.io" ? dockerHubKey : host;
  const program = `docker-credential-${name}`;
  const { code, stdout } = await run([program, "get"], { input, check: false, timeoutMs: helperMs });
  if (code !== 0) {
    if (/credentials not found/i.test(stdout)) return undefined;
    throw new UserError(`${program} gave no credentials for ${host}: it ended with exit code ${code}.`);
  }
  try {
    const { Username, Secret } = JSON.parse(stdout) as { Username?: string; Secret?: string };
    return Secret ? { username: Username ?? "", password: Secret } : undefined;
  } catch {
    // What it wrote may be a secret.
    throw new UserError(`${program} gave no credentials for ${host}: its answer is not JSON.`);
  }
}
