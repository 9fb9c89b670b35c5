import { expect, test } from "vitest";
import { runAction } from "../test/action-process.ts";

const fault = /This is a fault of the action, not of your workflow/;

test.each([
  ["UserError", 'new io.UserError("No files. Name some.")', "No files. Name some."],
  ["InputError", 'new io.InputError(["Input `x` is wrong."])', "Input `x` is wrong."],
  ["SubprocessError", 'new io.SubprocessError("git ended badly.")', "git ended badly."],
  ["foreseen error", 'Object.assign(new Error("No such ref."), { foreseen: true })', "No such ref."],
])("a %s fails the main step with its message only", async (_, error, message) => {
  const { code, stdout } = await runAction(`await io.runMain(async () => { throw ${error}; });`);
  expect({ code, stdout }).toEqual({ code: 1, stdout: `::error::${message}\n` });
});

test("a step without error ends well", async () => {
  expect(await runAction("await io.runMain(async () => {}); await io.runPost(async () => {});")).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
});

test("a post step only warns", async () => {
  const { code, stdout } = await runAction('await io.runPost(async () => { throw new io.UserError("Not saved."); });');
  expect({ code, stdout }).toEqual({ code: 0, stdout: "::warning::Not saved.\n" });
});

test("what nobody foresaw is our fault; its stack is for the debug log", async () => {
  const { code, stdout } = await runAction(
    'await io.runMain(async function culprit() { throw new TypeError("x is not a function"); });',
  );
  const [debug, error] = stdout.trim().split("\n");
  expect(code).toBe(1);
  expect(debug).toMatch(/^::debug::TypeError: x is not a function%0A +at culprit/);
  expect(error).toMatch(/^::error::x is not a function \(/);
  expect(error).toMatch(fault);
  expect(error).not.toContain("culprit");
});

test.each(['"only text"', "undefined", "null", "new AggregateError([])", "Object.create(null)"])(
  "%s thrown is told",
  async (thrown) => {
    const { code, stdout } = await runAction(`await io.runMain(async () => { throw ${thrown}; });`);
    expect(code).toBe(1);
    expect(stdout).toMatch(/::error::\S+/);
    expect(stdout).toMatch(fault);
  },
);

test.each(["runMain", "runPost"])("no secret leaves by the message, stack or cause of what %s caught", async (step) => {
  const secret = "key-of-outcome";
  const { stdout, stderr } = await runAction(`
    io.registerSecret("${secret}");
    await io.${step}(async () => {
      const error = new Error("to https://me:pass-of-outcome@host with ${secret}", { cause: new Error("${secret}") });
      error.stack += "\\n at ${secret}";
      throw error;
    });`);
  expect(stdout + stderr).not.toMatch(/key-of-outcome|pass-of-outcome/);
  expect(stdout).toContain("to https://***@host with ***");
});
