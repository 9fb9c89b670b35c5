/** The SBOM of what is published: valid by CycloneDX's own validator, and with everything that the bundles hold. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { readSbom } from "@goatnote/attestation";
import { expect, test } from "vitest";
import { actionNames } from "./action-names.ts";
import { sbom } from "./sbom.ts";

const root = dirname(import.meta.dirname);

test("the SBOM of a release is valid, and names each package in each bundle", async () => {
  const text = sbom(root);
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  expect(await validator.validate(text)).toBeNull();
  expect(await validator.validate(text.replace('"SHA-512"', '"SHA-513"'))).not.toBeNull();
  expect(() => readSbom(JSON.parse(text), "sbom.cdx.json")).not.toThrow();

  const { components, dependencies } = JSON.parse(text) as {
    components: { type: string; name: string; version: string; purl: string; hashes?: object[] }[];
    dependencies: { ref: string; dependsOn: string[] }[];
  };
  const actions = components.filter(({ type }) => type === "application");
  expect(actions.map(({ name }) => name)).toEqual(actionNames().toSorted());
  const libraries = components.filter(({ type }) => type === "library");
  expect(libraries.filter(({ hashes }) => hashes?.length !== 1)).toEqual([]);
  // By another way than the script's: the packages that the licence texts begin with.
  const said = globSync("dist/*/licences.txt", { cwd: root }).flatMap((file) =>
    [...`${"-".repeat(80)}\n\n${readFileSync(join(root, file), "utf8")}`.matchAll(/^-{80}\n\n(\S+) (\S+)$/gm)].map(
      ([, name, version]) => `${name} ${version}`,
    ),
  );
  expect(libraries.map(({ name, version }) => `${name} ${version}`).toSorted()).toEqual([...new Set(said)].sort());
  expect(said.length).toBeGreaterThan(100);
  for (const { purl } of actions) {
    const { dependsOn } = dependencies.find(({ ref }) => ref === purl)!;
    expect(dependsOn.length).toBeGreaterThan(0);
    expect(components.map((each) => each.purl)).toEqual(expect.arrayContaining(dependsOn));
  }
});
