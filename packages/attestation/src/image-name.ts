/** Names of images in registries. */
import { UserError } from "@goatnote/action-io";

export interface ImageName {
  /** Host, with its port. */
  registry: string;
  /** The repository in it, such as `octo/app`. */
  path: string;
}

/** Docker Hub has several names. */
export const dockerHub: ReadonlySet<string> = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/** Where the API of an image's registry is. */
export const apiHost = ({ registry }: ImageName): string =>
  dockerHub.has(registry) ? "registry-1.docker.io" : registry;

const host = /^(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+|[a-z0-9-]+(?=:))(?::\d+)?$/i;
const part = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

/**
 * The registry and repository of an image's full name, such as `ghcr.io/octo/app`.
 * https://github.com/distribution/reference/blob/main/reference.go
 * @throws UserError for a name without its registry, with a tag or a digest, or that is none; and for a registry that
 * Sigstore's client would take for Docker Hub
 */
export function parseImageName(name: string): ImageName {
  const [registry = "", ...parts] = name.split("/");
  if (!host.test(registry) || parts.length === 0 || !parts.every((each) => part.test(each)))
    throw new UserError(
      `${JSON.stringify(name.slice(0, 300))} is no full name of an image: it has the form <registry>/<repository>, such as ghcr.io/octo/app, without a tag.`,
    );
  if (registry.endsWith("docker.io") && !dockerHub.has(registry))
    throw new UserError(`${registry} is not Docker Hub, whose names are ${[...dockerHub].join(", ")}.`);
  return { registry, path: parts.join("/") };
}
