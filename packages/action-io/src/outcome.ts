/** How an action ends: main fails, post warns. */
import { debug, setFailed, warning } from "@actions/core";
import { InputError } from "./inputs.ts";
import { redact } from "./secrets.ts";
import { SubprocessError } from "./subprocess.ts";

/** Something the user can mend: its message says what happened, where, and what to do. */
export class UserError extends Error {
  override name = "UserError";
}

/** Packages below this one mark errors whose message is meant for the user by `foreseen = true`. */
const expected = (error: unknown): boolean =>
  error instanceof UserError ||
  error instanceof InputError ||
  error instanceof SubprocessError ||
  (error instanceof Error && (error as { foreseen?: unknown }).foreseen === true);

/** Anything can be thrown, and an AggregateError of the network has an empty message. */
function messageOf(error: unknown): string {
  const { message, name } = Object(error) as Partial<Error>;
  return String(message || name || (typeof error === "object" ? "Something that is no error was thrown." : error));
}

/** A message for the log, without secrets. What nobody foresaw is named as our fault; its stack goes to the debug log. */
export function describe(error: unknown): string {
  const message = redact(messageOf(error));
  if (expected(error)) return message;
  if (error instanceof Error && error.stack) debug(redact(error.stack));
  return `${message} (This is a fault of the action, not of your workflow. Please report it, with the log of a run with debug logging.)`;
}

/** Runs an action's main step. An error fails the step, with one message. */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    setFailed(describe(error));
  }
}

/** Runs an action's post step. The user's job has ended by then, so an error only warns. */
export async function runPost(post: () => Promise<void>): Promise<void> {
  try {
    await post();
  } catch (error) {
    warning(describe(error));
  }
}
