/** Something in a workflow or action that the rehearsal does not do. Thrown before anything runs. */
export class Unsupported extends Error {
  constructor(what: string, where: string) {
    super(`The rehearsal does not support ${what} (${where}). Nothing was run.`);
  }
}

/** The event does not start this workflow. */
export class NotTriggered extends Error {
  constructor(file: string, why: string) {
    super(`${file} does not run: ${why}.`);
  }
}
