import { describe, expect, test } from "vitest";
import { parseAllowed, partsOf } from "./allow-list.ts";

const key = (region: string, partition = "aws"): string => `arn:${partition}:kms:${region}:111122223333:key/mrk-12ab`;

describe("`*` for a region", () => {
  test.each([
    ["aws", ["eu-west-1", "us-east-2", "ap-southeast-5", "me-central-1", "il-central-1", "mx-central-1"]],
    ["aws-cn", ["cn-north-1", "cn-northwest-1"]],
    ["aws-us-gov", ["us-gov-east-1"]],
    ["aws-eusc", ["eusc-de-east-1"]],
  ])("is one of %s", (partition, regions) => {
    const { matches } = parseAllowed(key("*", partition));
    for (const region of regions) expect(matches(key(region, partition)), region).toBe(true);
  });

  test.each(["xx-west-1", "eu-evil-1", "eu-west-evil-1", "us-west-99", "cn-north-1", "us-gov-west-1", "s3-us-west-2"])(
    "is not %s",
    (region) => expect(parseAllowed(key("*")).matches(key(region))).toBe(false),
  );

  test("a region that is named may be any", () => {
    expect(parseAllowed(key("eu-new-1")).matches(key("eu-new-1"))).toBe(true);
  });

  test("of a partition that is not known there is none", () => {
    expect(parseAllowed(key("*", "aws-new")).matches(key("eu-west-1", "aws-new"))).toBe(false);
  });
});

test.each(["..", ".", "a..b:c", "..:c", "a/..", "a:b"])("%s is no project of Google's", (project) => {
  const name = `projects/${project}/locations/l/keyRings/r/cryptoKeys/k`;
  expect(partsOf("gcp_kms", name)).toBeUndefined();
  expect(() => parseAllowed(name)).toThrow("is no name of a key");
});

test.each(["acme", "acme-1", "example.com:acme"])("%s is one", (project) => {
  expect(partsOf("gcp_kms", `projects/${project}/locations/l/keyRings/r/cryptoKeys/k`)).toBeDefined();
});

test.each(["vault.example.org:65536", "vault.example.org:99999", "256.1.1.1", "1.2.3.4.5"])(
  "https://%s is no address, also in the list",
  (host) => {
    const name = `https://${host}/v1/transit/keys/k`;
    expect(partsOf("hc_vault", name)).toBeUndefined();
    expect(() => parseAllowed(name)).toThrow("is no name of a key");
  },
);
