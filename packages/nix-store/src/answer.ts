import { NixError } from "./errors.ts";

/**
 * Reads what Nix printed as JSON. Its form changes with its version.
 * @param command that printed it, for the error
 * @throws NixError when it is not JSON, or `read` does not find what it looks for
 */
export function readAnswer<T>(command: string, json: string, read: (answer: unknown) => T): T {
  try {
    return read(JSON.parse(json));
  } catch (error) {
    if (error instanceof NixError) throw error;
    throw new NixError(
      `What ${command} says has not the form that is known here; is this Nix newer than this action?`,
      {
        cause: error,
      },
    );
  }
}
