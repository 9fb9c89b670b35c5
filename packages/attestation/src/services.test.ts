import { expect, test } from "vitest";
import { logsPublicly, publicServices } from "./services.ts";

const at = (fulcioUrl: string, rekorUrl?: string) =>
  logsPublicly({ name: "", fulcioUrl, ...(rekorUrl && { rekorUrl }) });

test("Sigstore's public instances are known by every spelling of their hosts", () => {
  expect(logsPublicly(publicServices)).toBe(true);
  for (const host of [
    "rekor.sigstore.dev",
    "rekor.sigstore.dev.",
    "REKOR.Sigstore.DEV:443",
    "rekor.sigstage.dev",
    "sigstore.dev",
  ])
    expect([host, at("https://fulcio.example", `https://${host}`), at(`https://${host}/`)]).toEqual([host, true, true]);
  for (const host of ["sigstore.dev.example", "mysigstore.dev", "127.0.0.1"])
    expect([host, at(`https://${host}`)]).toEqual([host, false]);
});
