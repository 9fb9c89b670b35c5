import type { Permissions } from "./tokens.ts";

/** What GitHub knows about a run before it starts. */
export interface RunFacts {
  /** Where absent, the next free number. */
  id?: number;
  /** The workflow's name and path in the repository. */
  workflow: string;
  path: string;
  event: string;
  ref: string;
  sha: string;
  headBranch: string;
  /** owner/name; differs from the repository for a pull request from a fork. */
  headRepository?: string;
  headRef?: string;
  baseRef?: string;
  actor?: string;
  attempt?: number;
  /** RFC 3339; now where absent. */
  createdAt?: string;
  pullRequests?: { number: number; headSha: string; baseRef: string }[];
  /** The reusable workflow that its jobs are of, as `owner/name/path@ref`; its own where empty or absent. */
  calledWorkflow?: string;
  /** Whether its jobs are on runners of its owner's. */
  selfHosted?: boolean;
}

export interface JobRecord {
  id: number;
  name: string;
  status: "queued" | "in_progress" | "completed";
  conclusion: string | null;
  startedAt: string;
  completedAt: string | null;
  environment?: string;
}

export interface Run extends Required<Omit<RunFacts, "headRef" | "baseRef">> {
  id: number;
  number: number;
  headRef: string;
  baseRef: string;
  status: "queued" | "in_progress" | "completed";
  conclusion: string | null;
  jobs: JobRecord[];
}

export interface Blob {
  content: Buffer | undefined;
  contentType: string;
  blocks: Map<string, Buffer>;
  /** The file name a download suggests. */
  fileName?: string;
}

export interface Artifact {
  id: number;
  runId: number;
  jobKey: string;
  name: string;
  blob: string;
  size: number;
  /** `sha256:<hex>` of the uploaded bytes. */
  digest: string;
  createdAt: string;
  expiresAt: string;
  finalized: boolean;
}

export interface CacheEntry {
  id: number;
  key: string;
  version: string;
  /** Caches belong to a ref: a job reads those of its own ref, its base and the default branch. */
  ref: string;
  blob: string;
  size: number;
  finalized: boolean;
  createdAt: number;
}

export interface Release {
  id: number;
  tag_name: string;
  draft: boolean;
  immutable: boolean;
  /** `digest` is `sha256:<hex>`; `state` is `starter` where an upload was not finished. */
  assets: { id: number; name: string; digest: string; content: Buffer; state?: "uploaded" | "starter" }[];
}

/** A bundle in the repository's store of attestations. */
export interface StoredAttestation {
  id: number;
  bundle: { dsseEnvelope?: { payload?: string } };
  /** Of its subjects, as `<algorithm>:<hex>`. */
  digests: string[];
}

/** A pull request, as far as the API says anything about it. */
export interface PullRequest {
  number: number;
  [field: string]: unknown;
}

/** Everything the back end remembers; it lives as long as the back end. Tests may change it to play a fault. */
export interface State {
  repository: string;
  repositoryId: number;
  defaultBranch: string;
  visibility: "public" | "private";
  /** A git folder that is served under the server URL; null before a run has named one. */
  gitDir: string | null;
  runs: Map<number, Run>;
  artifacts: Artifact[];
  caches: CacheEntry[];
  blobs: Map<string, Blob>;
  pulls: Map<number, PullRequest>;
  attestations: StoredAttestation[];
  releases: Release[];
  /** Numbers for whatever needs one. */
  nextId(): number;
}

/** A number for a repository or user name that is the same in every process. */
export function stableId(name: string): number {
  let hash = 2166136261;
  for (const byte of Buffer.from(name.toLowerCase())) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
  return hash % 1_000_000_000;
}

/** Which job asks, and with what permissions. */
export interface JobIdentity {
  runId: number;
  job: string;
  permissions: Permissions;
  environment?: string;
}
