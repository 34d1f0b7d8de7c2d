import { configDefaults, defineConfig } from 'vitest/config'
import { closingLine } from './test/support/closing-line-reporter.ts'

/** `fast` is what `npm run check` runs; `slow` (whole processes, the sample database) comes on top in `npm test`. */
const slow = ['test/e2e/**/*.test.ts', 'test/sample-db.test.ts', 'test/**/*.slow.test.ts']

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: '100%',
    testTimeout: 120_000,
    // The first test that needs the Python readers installs them.
    hookTimeout: 600_000,
    reporters: ['default', closingLine()],
    projects: [
      {
        extends: true,
        test: { name: 'fast', include: ['test/**/*.test.ts'], exclude: [...configDefaults.exclude, ...slow] },
      },
      { extends: true, test: { name: 'slow', include: slow } },
    ],
  },
})
