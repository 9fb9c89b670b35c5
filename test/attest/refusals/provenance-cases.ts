import { TEST_RESULT_TYPE } from "../../../packages/attestation/src/test-result.ts";
import { VSA_TYPE } from "../../../packages/attestation/src/vsa.ts";
import { artifact, type Cases, claims, forged, type Json, npmBuilder, payloadOf, said, server, signed } from "./kit.ts";

export const provenanceCases: Record<string, Cases> = {
  "what the provenance says": {
    "another repository": [
      "provenance: repository",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.externalParameters.workflow.repository = `${server}/octo/other`;
        }),
      }),
    ],
    "another ref": [
      "provenance: ref",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.externalParameters.workflow.ref = "refs/heads/main";
        }),
      }),
    ],
    "a build type that every object has": [
      "build type",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.buildType = "constructor";
        }),
      }),
    ],
    "another workflow": [
      "provenance: workflow",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.externalParameters.workflow.path = ".github/workflows/other.yml";
        }),
      }),
    ],
    "no workflow": [
      "provenance: workflow",
      async () => ({
        bundle: await forged((p) => {
          (p.buildDefinition.externalParameters as Json) = {};
        }),
      }),
    ],
    "another commit": [
      "provenance: commit",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.resolvedDependencies[0]!.digest = { gitCommit: "b2".repeat(20) };
        }),
      }),
    ],
    "no commit": [
      "provenance: commit",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.resolvedDependencies = [];
        }),
      }),
    ],
    "two commits": [
      "provenance: commit",
      async () => ({
        bundle: await forged(({ buildDefinition: { resolvedDependencies: all } }) => {
          all.push({ ...all[0]!, digest: { gitCommit: "b2".repeat(20) } });
        }),
      }),
    ],
    "another builder": [
      "provenance: builder",
      async () => ({
        bundle: await forged((p) => {
          p.runDetails.builder.id = `${server}/octo/builder/.github/workflows/build.yml@refs/heads/main`;
        }),
      }),
    ],
    "npm's builder, on a self-hosted runner": [
      "provenance: builder",
      async () => ({ bundle: await npmBuilder(), policy: { runner: undefined } as never }),
    ],
    "another run": [
      "provenance: run",
      async () => ({
        bundle: await forged((p) => {
          p.runDetails.metadata.invocationId += "0";
        }),
      }),
    ],
    "another event": [
      "provenance: event",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.internalParameters.github.event_name = "release";
        }),
      }),
    ],
    "another repository id": [
      "provenance: repository id",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.internalParameters.github.repository_id = "1";
        }),
      }),
    ],
    "another owner id": [
      "provenance: owner id",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.internalParameters.github.repository_owner_id = "1";
        }),
      }),
    ],
    "another runner": [
      "provenance: runner",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.internalParameters.github.runner_environment = "self-hosted";
        }),
      }),
    ],
    "parameters that its build type does not have": [
      "external parameters",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.externalParameters.inputs = { debug: "true" };
        }),
      }),
    ],
    "an unknown build type": [
      "build type",
      async () => ({
        bundle: await forged((p) => {
          p.buildDefinition.buildType = "https://example.org/build/v1";
        }),
      }),
    ],
    nothing: ["build type", async () => ({ bundle: await signed({ payload: payloadOf(claims, [artifact], null) }) })],
    "text where objects belong": [
      "provenance",
      async () => ({
        bundle: await forged((p) => {
          (p as unknown as Json).buildDefinition = {
            buildType: p.buildDefinition.buildType,
            externalParameters: "none",
            resolvedDependencies: "none",
          };
        }),
      }),
    ],
  },
  "what else is said": {
    "a verification summary that failed": [
      "verificationResult",
      () => said(VSA_TYPE, { verificationResult: "FAILED" }),
    ],
    "a verification summary without a result": ["verificationResult", () => said(VSA_TYPE, {})],
    "test results with failures": ["result: FAILED", () => said(TEST_RESULT_TYPE, { result: "FAILED" })],
  },
};
