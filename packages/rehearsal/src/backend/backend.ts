import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { artifactRoutes } from "./artifacts.ts";
import { attestationRoutes } from "./attestations.ts";
import { Blobs } from "./blobs.ts";
import { cacheRoutes } from "./cache.ts";
import { gitRoutes } from "./git.ts";
import { oidcRoutes } from "./oidc.ts";
import { releaseRoutes } from "./releases.ts";
import { actionsRoutes } from "./rest-actions.ts";
import { repositoryRoutes } from "./rest-repository.ts";
import { Router } from "./router.ts";
import { type JobIdentity, type Run, type RunFacts, type State, stableId } from "./state.ts";
import { allows, Tokens } from "./tokens.ts";

export interface BackendOptions {
  /** owner/name */
  repository: string;
  /** `main` where absent. */
  defaultBranch?: string;
  /** What tokens and the API say about the repository; permissions are always checked as for a private one. */
  visibility?: "public" | "private";
}

/** GitHub on loopback, for the life of the process or until it is closed. */
export interface Backend extends AsyncDisposable {
  /** The REST API, the Results service and the OIDC issuer. */
  readonly url: string;
  /** What GITHUB_SERVER_URL says: a *.localhost name, which clients do not take for an Enterprise Server. */
  readonly serverUrl: string;
  readonly repository: string;
  readonly state: State;
  /** For more services: `backend.router.on(…)`. */
  readonly router: Router;
  readonly tokens: Tokens;
  /** Makes a run known to the API. Its number and id follow those before it. */
  registerRun(facts: RunFacts): Run;
  /** The REST token of a job, GITHUB_TOKEN. */
  jobToken(job: JobIdentity): string;
  /** What the runner gives to JavaScript actions of this job, beside the default variables. No GITHUB_TOKEN. */
  jobEnv(job: JobIdentity): Record<string, string>;
  close(): Promise<void>;
}

/** Starts the back end on a free loopback port. */
export async function startBackend(options: BackendOptions): Promise<Backend> {
  const { repository, defaultBranch = "main", visibility = "public" } = options;
  let lastId = 1000;
  const state: State = {
    repository,
    repositoryId: stableId(repository),
    defaultBranch,
    visibility,
    gitDir: null,
    runs: new Map(),
    artifacts: [],
    caches: [],
    blobs: new Map(),
    pulls: new Map(),
    attestations: [],
    releases: [],
    nextId: () => ++lastId,
  };
  const tokens = new Tokens();
  const router = new Router(tokens);
  const jobs = new Map<string, JobIdentity>();
  const server = createServer();
  router.attach(server);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const serverUrl = `http://github.localhost:${port}`;

  const blobs = new Blobs(state, () => url);
  blobs.routes(router);
  cacheRoutes(router, state, blobs);
  artifactRoutes(router, state, blobs);
  oidcRoutes(router, state, () => url, jobs);
  actionsRoutes(router, state, blobs, () => url);
  repositoryRoutes(router, state);
  attestationRoutes(router, state, () => url);
  releaseRoutes(router, state, () => url);
  gitRoutes(router, state, tokens);

  const close = async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  return {
    url,
    serverUrl,
    repository,
    state,
    router,
    tokens,
    registerRun: (facts) => registered(state, facts),
    jobToken: ({ runId, job, permissions }) => tokens.issue({ kind: "rest", runId, job, permissions }),
    jobEnv(identity) {
      const { runId, job, permissions } = identity;
      jobs.set(`${runId}/${job}`, identity);
      const idToken = allows(permissions, "id-token", "write");
      return {
        ACTIONS_RUNTIME_TOKEN: tokens.issue({ kind: "runtime", runId, job, permissions }),
        ACTIONS_RUNTIME_URL: `${url}/`,
        ACTIONS_RESULTS_URL: `${url}/`,
        ACTIONS_CACHE_URL: `${url}/`,
        ACTIONS_CACHE_SERVICE_V2: "True",
        GITHUB_API_URL: url,
        GITHUB_GRAPHQL_URL: `${url}/graphql`,
        GITHUB_SERVER_URL: serverUrl,
        ...(idToken
          ? {
              ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/oidc/token?api-version=2.0`,
              ACTIONS_ID_TOKEN_REQUEST_TOKEN: tokens.issue({ kind: "oidc", runId, job, permissions }),
            }
          : {}),
      };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function registered(state: State, facts: RunFacts): Run {
  const id = facts.id ?? state.nextId();
  const run: Run = {
    headRepository: state.repository,
    headRef: "",
    baseRef: "",
    actor: "octocat",
    attempt: 1,
    createdAt: new Date().toISOString(),
    pullRequests: [],
    calledWorkflow: "",
    selfHosted: false,
    ...facts,
    id,
    number: [...state.runs.values()].filter(({ path }) => path === facts.path).length + 1,
    status: "in_progress",
    conclusion: null,
    jobs: [],
  };
  state.runs.set(id, run);
  return run;
}
