import type { Reporter, TestModule, TestSuite } from 'vitest/node'

/**
 * Closes a run with one plain line, `N passed, N failed[, N skipped]`. What fails outside of a test (a module that does not load, a hook, a stray rejection)
 * is counted as failed. Under CI a skipped test fails the run: there nothing may be left out.
 */
export function closingLine(): Reporter {
  return {
    onTestRunEnd(modules, strayErrors) {
      const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state))
      const count = (state: string) => states.filter((one) => one === state).length
      const failed = count('failed') + modules.flatMap(errorsOutsideTests).length + strayErrors.length
      const skipped = count('skipped') + count('pending')
      if (skipped > 0 && process.env.CI) {
        process.stdout.write('\nerror: under CI no test may be skipped\n')
        process.exitCode = 1
      }
      const alsoSkipped = skipped > 0 ? `, ${skipped} skipped` : ''
      process.stdout.write(`\n${count('passed')} passed, ${failed} failed${alsoSkipped}\n`)
    },
  }
}

function errorsOutsideTests(module: TestModule) {
  const suites: readonly (TestModule | TestSuite)[] = [module, ...module.children.allSuites()]
  return suites.flatMap((suite) => suite.errors())
}
