/**
 * 100,000 artifacts signed and verified, and large files hashed.
 *
 *   node benchmarks/attestation.ts
 *
 * Signing: our own time, without what the services on this machine take, is what is claimed; the services run in a process of
 * their own, and CPU time of ours is what is counted. Verifying needs no services. Hashing: beside `sha256sum` on the same
 * file, interleaved; the ratio of the medians decides.
 */
import { fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BundleSource,
  chunks,
  digestOf,
  distinct,
  encodeStatement,
  loadSigning,
  loadVerification,
  MAX_SUBJECTS,
  type Policy,
  PROVENANCE_TYPE,
  parseChecksums,
  provenance,
  readClaims,
  type SerializedBundle,
} from "@goatnote/attestation";
import { startBackend, startSigstore } from "@goatnote/rehearsal";

const count = 100_000;
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

interface Ready {
  url: string;
  server: string;
  services: { fulcioUrl: string; rekorUrl: string; tsaUrl: string };
  trustedRoot: object;
  token: string;
}

/** The services, until the parent goes. */
async function serve(): Promise<void> {
  const backend = await startBackend({ repository: "octo/app" });
  const { fulcioUrl, rekorUrl, tsaUrl, trustedRoot } = await startSigstore(backend);
  const run = backend.registerRun({
    workflow: "Release",
    path: ".github/workflows/release.yml",
    event: "push",
    ref: "refs/tags/v1",
    sha: "a1".repeat(20),
    headBranch: "v1",
  });
  const env = backend.jobEnv({ runId: run.id, job: "attest", permissions: { "id-token": "write" } });
  const answer = await fetch(`${env.ACTIONS_ID_TOKEN_REQUEST_URL}&audience=sigstore`, {
    headers: { authorization: `Bearer ${env.ACTIONS_ID_TOKEN_REQUEST_TOKEN}` },
  });
  const { value: token } = (await answer.json()) as { value: string };
  const ready: Ready = {
    url: backend.url,
    server: backend.serverUrl,
    services: { fulcioUrl, rekorUrl, tsaUrl },
    trustedRoot,
    token,
  };
  process.send!(ready);
  process.on("disconnect", () => void backend.close());
}

interface Cost {
  /** Milliseconds by the clock, and of CPU time of this process. */
  wall: number;
  cpu: number;
}

async function cost<T>(work: () => Promise<T>): Promise<[T, Cost]> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return [result, { wall: performance.now() - started, cpu: (user + system) / 1000 }];
}

async function manySubjects({ url, server, services, trustedRoot, token }: Ready): Promise<void> {
  const hex = (index: number): string => index.toString(16).padStart(64, "0");
  const sums = Array.from({ length: count }, (_, index) => `${hex(index)}  package-${index}.tar.gz\n`).join("");
  const { statementSigner } = await loadSigning();
  const { readTrustedRoots, verifyArtifacts } = await loadVerification();
  const [signing, verifying]: Cost[][] = [[], []];
  for (let round = 0; round < 5; round++) {
    const [bundles, signed] = await cost(async () => {
      const subjects = distinct(parseChecksums(sums, "SHA256SUMS"));
      const predicate = provenance(readClaims(token), { server });
      const sign = statementSigner({
        services: { name: "loopback", ...services },
        getToken: async () => token,
        retryMs: 60_000,
        attemptMs: 20_000,
        warn: console.error,
      });
      const made: SerializedBundle[] = [];
      for (const group of chunks(chunks(subjects, MAX_SUBJECTS), 4))
        made.push(...(await Promise.all(group.map((part) => sign(encodeStatement(part, PROVENANCE_TYPE, predicate))))));
      return made.map((bundle) => JSON.stringify(bundle));
    });
    const [verdicts, verified] = await cost(() => {
      const sources = bundles.map(
        (line, index): BundleSource => ({ source: `line ${index}`, json: JSON.parse(line), sha256: `${index}` }),
      );
      const policy: Policy = { server, issuer: url, sourceRepository: "octo/app" };
      const roots = readTrustedRoots(JSON.stringify(trustedRoot), "root");
      const options = { policy, roots, predicateType: PROVENANCE_TYPE, matchNames: true, now: new Date() };
      return verifyArtifacts(parseChecksums(sums, "SHA256SUMS"), sources, options);
    });
    if (verdicts.length !== count || !verdicts.every((each) => each.verified)) throw new Error("not all are verified");
    signing!.push(signed);
    verifying!.push(verified);
  }
  const show = (costs: Cost[]): string =>
    `${median(costs.map(({ cpu }) => cpu)).toFixed(0)} ms of CPU time, ${median(costs.map(({ wall }) => wall)).toFixed(0)} ms by the clock`;
  console.log(`${count} artifacts in ${Math.ceil(count / MAX_SUBJECTS)} bundles, median of 5`);
  console.log(`  signed    ${show(signing!)}, with the services' answers`);
  console.log(`  verified  ${show(verifying!)}`);
}

async function hashing(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "hashing-"));
  try {
    const file = join(folder, "artifact");
    const megabytes = 1024;
    const block = Buffer.alloc(1024 * 1024, "goatnote");
    writeFileSync(file, Buffer.concat(Array.from({ length: megabytes }, () => block)));
    const times = { ours: [] as number[], theirs: [] as number[] };
    for (let round = 0; round < 6; round++) {
      let started = performance.now();
      const ours = await digestOf(file);
      const took = performance.now() - started;
      started = performance.now();
      const { stdout, error } = spawnSync("sha256sum", [file], { encoding: "utf8" });
      if (error || !stdout.startsWith(ours)) throw new Error("sha256sum says something else");
      if (round === 0) continue; // fills the file cache
      times.ours.push(took);
      times.theirs.push(performance.now() - started);
    }
    const [ours, theirs] = [median(times.ours), median(times.theirs)];
    const rate = (ms: number): string => `${((megabytes / ms) * 1000).toFixed(0)} MiB/s`;
    console.log(
      `1 GiB hashed, median of 5: ours ${rate(ours)}, sha256sum ${rate(theirs)}, ratio ${(theirs / ours).toFixed(2)}`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[2] === "serve") await serve();
else {
  const services = fork(import.meta.filename, ["serve"]);
  const [ready] = (await once(services, "message")) as [Ready];
  await manySubjects(ready);
  services.disconnect();
  await hashing();
}
