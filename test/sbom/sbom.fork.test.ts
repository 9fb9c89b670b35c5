/** Documents about closures that a real Nix built, before the validators of CycloneDX and SPDX, and as predicates. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { notDescribed, readSbom } from "@goatnote/attestation";
import { cyclonedx, readMeta, spdx, takeInventory } from "@goatnote/sbom";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithPeer } from "../peers.ts";
import { type Built, contents, type Lab, makeLab, sha256 } from "./lab.ts";

const about = { created: new Date("2026-01-02T03:04:05.678Z"), tool: { name: "lab", version: "1" } };
const versions = { "1.5": Spec.Version.v1dot5, "1.6": Spec.Version.v1dot6, "1.7": Spec.Version.v1dot7 } as const;
const cpe = "cpe:2.3:a:gnu:hello:2.12:*:*:*:*:*:*:*";
const cyclonedxVersions = ["1.5", "1.6", "1.7"] as const;

/** What nixpkgs would say of it. */
const meta = (built: Built) => ({
  [built.roots[0]!]: readMeta({
    license: [{ spdxId: "GPL-3.0-or-later", fullName: "GNU GPL" }, { fullName: "Lab licence (own)" }],
    homepage: "https://www.gnu.org/software/hello/",
    description: "Says hello",
    identifiers: { cpe, possibleCPEs: [{ cpe: cpe.replace("gnu", "hello") }] },
  }),
});

interface Bom {
  metadata: { component: Record<string, unknown> & { hashes: { content: string }[] } };
  components: {
    "bom-ref": string;
    name: string;
    version?: string;
    purl: string;
    scope: string;
    hashes?: { content: string }[];
    pedigree?: { ancestors: { purl: string }[]; patches: { resolves?: { id: string }[] }[] };
  }[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

describeWithPeer("nix", (nix) => {
  let lab: Lab;
  let hello: Built;
  let attrs: Built;
  beforeAll(async () => {
    lab = makeLab(nix);
    hello = await lab.build("default");
    attrs = await lab.build("attrs");
  });
  afterAll(() => lab?.remove());

  const scopes = ["runtime", "build"] as const;
  const inventory = (built: Built, scope: (typeof scopes)[number]) =>
    takeInventory({ ...built, scope, meta: meta(built) });
  const of = (list: string[], name: string): string => list.find((path) => path.endsWith(`-${name}`))!;

  describe.each(scopes)("the %s closure", (scope) => {
    test.each(cyclonedxVersions)("is valid CycloneDX %s", async (version) => {
      const validator = new Validation.JsonStrictValidator(versions[version]);
      for (const built of [hello, attrs]) {
        const document = cyclonedx(inventory(built, scope), about, version);
        expect(await validator.validate(document)).toBeNull();
        // The validator sees what is wrong.
        expect(await validator.validate(document.replace('"SHA-256"', '"SHA-257"'))).not.toBeNull();
      }
    });

    test("is the predicate of an attestation about its NAR, and of no other", async () => {
      const nar = execFileSync(join(nix, "../nix-store"), ["--dump", hello.roots[0]!], { env: lab.env });
      const subject = (digest: string) => [{ name: "hello.nar", digest: { sha256: digest } }];
      for (const text of [cyclonedx(inventory(hello, scope), about), spdx(inventory(hello, scope), about)]) {
        const sbom = readSbom(JSON.parse(text), "sbom.json");
        const missing = (digest: string) => notDescribed(sbom, subject(digest), async () => undefined);
        expect(await missing(sha256(nar))).toEqual([]);
        expect(await missing(sha256("another"))).toEqual(subject(sha256("another")));
      }
    });

    test("is the same bytes in whatever order things are given, and another serial number for another closure", () => {
      const { roots, objects, derivations } = hello;
      const reversed = { roots, objects: objects.toReversed(), derivations: derivations.toReversed() };
      for (const write of [cyclonedx, spdx]) {
        expect(write(inventory(reversed, scope), about)).toBe(write(inventory(hello, scope), about));
      }
      const serial = (built: Built) => JSON.parse(cyclonedx(inventory(built, scope), about)).serialNumber;
      expect(serial(attrs)).not.toBe(serial(hello));
    });
  });

  describeWithPeer("pyspdxtools", (pyspdxtools) => {
    const folder = mkdtempSync(join(tmpdir(), "spdx-"));
    afterAll(() => rmSync(folder, { recursive: true }));
    const validate = (text: string, version: string): void => {
      const file = join(folder, "lab.spdx.json");
      writeFileSync(file, text);
      execFileSync(pyspdxtools, ["--infile", file, "--version", `SPDX-${version}`], { stdio: "pipe" });
    };
    test.each(["2.2", "2.3"] as const)("SPDX %s is valid", (version) => {
      for (const scope of scopes)
        for (const built of [hello, attrs]) validate(spdx(inventory(built, scope), about, version), version);
      const broken = spdx(inventory(hello, "runtime"), about, version).replace('"DEPENDS_ON"', '"DEPENDS_OFF"');
      expect(() => validate(broken, version)).toThrow();
    });
  });

  test("the runtime closure has exactly the objects and references that Nix tells", () => {
    const bom = JSON.parse(cyclonedx(inventory(hello, "runtime"), about)) as Bom;
    const refs = [bom.metadata.component["bom-ref"], ...bom.components.map((each) => each["bom-ref"])];
    expect(refs.toSorted()).toEqual(hello.objects.map(({ path }) => path).toSorted());
    expect(new Map(bom.dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]))).toEqual(
      new Map(hello.objects.map(({ path, references }) => [path, references.filter((each) => each !== path)])),
    );
  });

  test("the build closure has what the derivations take in besides, which is not in the runtime closure", () => {
    const bom = JSON.parse(cyclonedx(inventory(hello, "build"), about)) as Bom;
    const scopeOf = new Map(
      bom.components.map(({ purl, scope }) => [
        purl.replace(/\?.*?(output=\w+)?(&?outputhash.*)?$/, "?$1").replace(/\?$/, ""),
        scope,
      ]),
    );
    expect(scopeOf).toEqual(
      new Map([
        ["pkg:nix/itoa@1.0.11", "required"],
        ["pkg:nix/itoa@1.0.11?output=dev", "excluded"],
        ["pkg:nix/glibc@2.40-66", "required"],
        ["pkg:nix/tool@0.9", "excluded"],
        ["pkg:cargo/itoa@1.0.11", "excluded"],
        ["pkg:nix/hello@2.12", "excluded"],
        ["pkg:nix/CVE-2024-12345.patch", "excluded"],
        ["pkg:nix/local.patch", "excluded"],
      ]),
    );
    const library = bom.components.find(({ purl, scope }) => purl.startsWith("pkg:nix/itoa") && scope === "required")!;
    const inputs = bom.dependencies.find(({ ref }) => ref === library["bom-ref"])!.dependsOn!;
    const names = ["itoa-1.0.11.tar.gz", "CVE-2024-12345.patch", "local.patch", "glibc-2.40-66", "tool-0.9"];
    expect(inputs.toSorted()).toEqual(names.map((name) => of(inputs, name)).toSorted());
    const crate = bom.components.find(({ purl }) => purl.startsWith("pkg:cargo/"))!;
    expect(crate.hashes).toEqual([{ alg: "SHA-256", content: sha256(contents.crate) }]);
  });

  test("a component tells its source, its patches and what they mend, and what its meta says", () => {
    const bom = JSON.parse(cyclonedx(inventory(hello, "runtime"), about)) as Bom;
    const { pedigree } = bom.components.find(({ name }) => name === "itoa")!;
    expect(pedigree?.ancestors.map(({ purl }) => purl)).toEqual(["pkg:cargo/itoa@1.0.11"]);
    expect(pedigree?.patches.flatMap(({ resolves = [] }) => resolves.map(({ id }) => id))).toEqual(["CVE-2024-12345"]);
    expect(bom.metadata.component).toMatchObject({
      name: "hello",
      version: "2.12",
      cpe,
      licenses: [
        { license: { id: "GPL-3.0-or-later", acknowledgement: "declared" } },
        { license: { name: "Lab licence (own)", acknowledgement: "declared" } },
      ],
      externalReferences: [
        { type: "website", url: "https://www.gnu.org/software/hello/" },
        {
          type: "source-distribution",
          url: "https://ftp.gnu.org/gnu/hello/hello-2.12.tar.gz",
          hashes: [{ alg: "SHA-256", content: sha256(contents.tarball) }],
        },
      ],
    });
  });

  test("SPDX tells references, inputs, sources and patches apart", () => {
    const { packages, relationships } = JSON.parse(spdx(inventory(hello, "build"), about)) as {
      packages: { SPDXID: string; name: string; licenseDeclared: string }[];
      relationships: { spdxElementId: string; relationshipType: string; relatedSpdxElement: string }[];
    };
    const short = (id: string): string => id.replace(/^SPDXRef-[0-9a-z]{32}-/, "");
    const told = relationships.map(
      ({ spdxElementId: a, relationshipType, relatedSpdxElement: b }) => `${short(a)} ${relationshipType} ${short(b)}`,
    );
    expect(told).toEqual(
      expect.arrayContaining([
        "SPDXRef-DOCUMENT DESCRIBES hello-2.12",
        "hello-2.12 DEPENDS_ON itoa-1.0.11",
        "itoa-1.0.11 DEPENDS_ON glibc-2.40-66",
        "itoa-1.0.11 GENERATED_FROM itoa-1.0.11.tar.gz",
        "CVE-2024-12345.patch PATCH_APPLIED itoa-1.0.11",
        "tool-0.9 BUILD_DEPENDENCY_OF itoa-1.0.11",
      ]),
    );
    expect(told).not.toContain("itoa-1.0.11 DEPENDS_ON tool-0.9");
    const main = packages.find(({ SPDXID }) => short(SPDXID) === "hello-2.12");
    expect(main?.licenseDeclared).toBe("GPL-3.0-or-later AND LicenseRef-Lab-licence-own");
  });

  test("attributes in JSON are read as those in the environment", () => {
    const { metadata } = JSON.parse(cyclonedx(inventory(attrs, "runtime"), about)) as Bom;
    expect(metadata.component).toMatchObject({ name: "structured", version: "3.0~rc1" });
  });

  test("several roots are one document, which describes each", async () => {
    const both = {
      roots: [...hello.roots, ...attrs.roots],
      objects: [...hello.objects, ...attrs.objects],
      derivations: [...hello.derivations, ...attrs.derivations],
    };
    const document = cyclonedx(inventory(both, "runtime"), about);
    expect(await new Validation.JsonStrictValidator(versions["1.6"]).validate(document)).toBeNull();
    expect((JSON.parse(document) as Bom).dependencies[0]?.dependsOn).toEqual(both.roots.toSorted());
  });

  describe.each(["nix-2.26", "nix-newest"])("%s", (peer) => {
    describeWithPeer(peer, (other) => {
      test("gives the same bytes as the oldest, for the same closure", async () => {
        const folder = mkdtempSync(join(tmpdir(), "sbom-two-"));
        const texts: string[] = [];
        for (const program of [nix, other]) {
          const again = makeLab(program, folder);
          for (const attribute of ["default", "attrs"]) {
            const built = await again.build(attribute);
            for (const scope of scopes)
              for (const write of [cyclonedx, spdx]) texts.push(write(inventory(built, scope), about));
          }
          again.remove();
        }
        expect(texts).toHaveLength(16);
        expect(texts.slice(8)).toEqual(texts.slice(0, 8));
      });
    });
  });

  test("a closure that is not complete is an error, and no smaller list", () => {
    const without = (name: string) => hello.objects.filter(({ path }) => !path.endsWith(name));
    expect(() => takeInventory({ ...hello, objects: without("-glibc-2.40-66"), scope: "runtime" })).toThrow(
      /not complete: nothing is known of .*glibc/,
    );
    const derivations = hello.derivations.filter(({ path }) => !path.endsWith("-tool-0.9.drv"));
    expect(() => takeInventory({ ...hello, derivations, scope: "build" })).toThrow(/not complete.*tool/);
  });
});
