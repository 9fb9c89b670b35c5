import type { JobState } from "../job-state.ts";

/** What a stand-in may use: its inputs, the job, and ways to say and to return something. */
export interface StandInCall {
  /** The input's value, or the default that the stand-in declares. */
  input: (name: string) => string;
  job: JobState;
  log: (line: string) => void;
  warn: (message: string) => void;
  output: (name: string, value: string) => void;
  /** Runs at the end of the job. */
  post: (run: () => Promise<void>) => void;
}

/** A small local equivalent of a well-known action. */
export interface StandIn {
  /** Inputs with their defaults. An input that is not here is an unexpected one. */
  inputs: Record<string, string>;
  /** Inputs that are known but not played: any value other than these is refused. */
  only?: Record<string, string[]>;
  main: (call: StandInCall) => Promise<void> | void;
}
