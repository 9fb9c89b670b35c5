import { defineConfig } from "vitest/config";

// Threads without isolation start fast; tests that change directory, umask, environment or signals are named *.fork.test.ts.
const include = ["packages/**/*.test.ts", "actions/**/*.test.ts", "scripts/**/*.test.ts", "test/**/*.test.ts"];
const exclude = ["**/node_modules/**", "build/**", "dist/**"];

export default defineConfig({
  test: {
    testTimeout: 180_000,
    hookTimeout: 300_000,
    projects: [
      {
        extends: true,
        test: { name: "threads", include, exclude: [...exclude, "**/*.fork.test.ts"], pool: "threads", isolate: false },
      },
      {
        extends: true,
        test: {
          name: "forks",
          include: include.map((glob) => glob.replace("*.test.ts", "*.fork.test.ts")),
          exclude,
          pool: "forks",
        },
      },
    ],
  },
});
