/** A repository's back end with a private Sigstore, and a job of it that attests and verifies with the built actions. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  type Backend,
  type Permissions,
  type Run,
  type RunFacts,
  type Sigstore,
  startBackend,
  startSigstore,
} from "@goatnote/rehearsal";
import { build } from "../../scripts/build.ts";
import { type Ended, runEntry } from "../loop/entry.ts";

// Without a network, not even loopback: what verifies has everything it needs.
const canUnshare = spawnSync("unshare", ["-rn", "true"]).status === 0;
if (!canUnshare && process.env.REQUIRE_PEERS === "1")
  throw new Error(
    "The network cannot be cut off here (`unshare -rn true` fails), so nothing shows that none is needed.",
  );
/** What starts a command without a network; undefined where it cannot be cut off. */
export const cutOff: readonly string[] | undefined = canUnshare ? ["unshare", "-rn"] : undefined;

export const repository = "octo/app";
const sha = "a1".repeat(20);

export interface LabOptions {
  visibility?: "public" | "private";
  permissions?: Permissions;
  run?: Partial<RunFacts>;
  clock?: () => Date;
}

export class AttestLab {
  readonly workspace: string;
  readonly backend: Backend;
  readonly sigstore: Sigstore;
  readonly run: Run;
  readonly #actions: string;
  readonly #permissions: Permissions;

  private constructor(actions: string, backend: Backend, sigstore: Sigstore, options: LabOptions) {
    this.#actions = actions;
    this.backend = backend;
    this.sigstore = sigstore;
    this.#permissions = options.permissions ?? {
      "id-token": "write",
      attestations: "write",
      contents: "write",
      actions: "read",
    };
    this.workspace = join(realpathSync(mkdtempSync(join(tmpdir(), "attest-"))), "app");
    mkdirSync(this.workspace);
    this.run = backend.registerRun({
      workflow: "Release",
      path: ".github/workflows/release.yml",
      event: "push",
      ref: "refs/tags/v1.2.3",
      sha,
      headBranch: "v1.2.3",
      ...options.run,
    });
    this.write({ "trusted_root.json": JSON.stringify(sigstore.trustedRoot) });
  }

  static async make(options: LabOptions = {}): Promise<AttestLab> {
    const actions = await build();
    const backend = await startBackend({ repository, visibility: options.visibility ?? "public" });
    const sigstore = await startSigstore(backend, options.clock ? { clock: options.clock } : {});
    return new AttestLab(actions, backend, sigstore, options);
  }

  async close(): Promise<void> {
    await this.backend.close();
    rmSync(dirname(this.workspace), { recursive: true, force: true });
  }

  write(files: Record<string, string | Uint8Array>): void {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.workspace, name)), { recursive: true });
      writeFileSync(join(this.workspace, name), content);
    }
  }

  /** How many attestations the repository's store holds. */
  stored(): number {
    return this.backend.state.attestations.length;
  }

  /** Has this asked first for every request, to play a fault. */
  intercept(before: Parameters<Backend["router"]["intercept"]>[0]): void {
    this.backend.router.intercept(before);
  }

  /** What signs: the workflow and the ref it ran at. */
  get signer(): string {
    return `${this.backend.serverUrl}/${repository}/${this.run.path}@${this.run.ref}`;
  }

  get env(): Record<string, string> {
    const identity = { runId: this.run.id, job: "attest", permissions: this.#permissions };
    return {
      ...this.backend.jobEnv(identity),
      GITHUB_REPOSITORY: repository,
      GITHUB_RUN_ID: String(this.run.id),
      GITHUB_EVENT_NAME: this.run.event,
      GITHUB_REF: this.run.ref,
      GITHUB_SHA: this.run.sha,
    };
  }

  get token(): string {
    return this.backend.jobToken({ runId: this.run.id, job: "attest", permissions: this.#permissions });
  }

  /** Runs `slsa-attest` with this lab's Sigstore. */
  attest(inputs: Record<string, string>, env: Record<string, string> = {}): Promise<Ended> {
    const { fulcioUrl, rekorUrl, tsaUrl } = this.sigstore;
    const custom = {
      sigstore: "custom",
      "fulcio-url": fulcioUrl,
      "rekor-url": rekorUrl,
      "tsa-url": tsaUrl,
      "trusted-root": "trusted_root.json",
      "retry-for": "5s",
      "output-dir": "out",
      token: this.token,
    };
    return runEntry(this.#actions, "slsa-attest", { ...custom, ...inputs }, this.workspace, { ...this.env, ...env });
  }

  /** Runs `slsa-attest/verify`, without a token, and without a network where it is not to go online. */
  verify(inputs: Record<string, string>, env: Record<string, string> = {}): Promise<Ended> {
    const given = { "trusted-root": "trusted_root.json", issuer: this.backend.url, ...inputs };
    const { serverUrl } = this.backend;
    const offline = {
      GITHUB_REPOSITORY: repository,
      GITHUB_SERVER_URL: serverUrl,
      GITHUB_API_URL: "http://127.0.0.1:9",
    };
    const through = inputs.online === "true" ? [] : cutOff;
    return runEntry(this.#actions, "slsa-attest/verify", given, this.workspace, { ...offline, ...env }, through);
  }
}
