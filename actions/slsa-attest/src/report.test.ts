import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { progressOf } from "./report.ts";

let said: string;
beforeEach(() => {
  said = "";
  vi.useFakeTimers();
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("a long work says every few seconds how far it is, and a short one nothing", () => {
  const progress = progressOf("Hashing");
  progress(1, 100);
  vi.advanceTimersByTime(4999);
  progress(2, 100);
  expect(said).toBe("");
  vi.advanceTimersByTime(1);
  progress(1_250_000_000, 2_000_000_000);
  progress(1_300_000_000, 2_000_000_000);
  expect(said.trim().split("\n")).toEqual(["Hashing: 62 % of 2000 MB."]);
  vi.advanceTimersByTime(5000);
  progress(2_000_000_000, 2_000_000_000);
  expect(said).toContain("Hashing: 100 % of 2000 MB.");
});
