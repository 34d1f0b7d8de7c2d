import { runCase } from './run-case.ts'

/** Runs the cases that its parent asks for, one at a time, and says how each ended. It may crash, hang or grow: the parent sees. */
export type Asked = { readonly target: string; readonly seed: number }

process.on('message', (asked: Asked) => {
  runCase(asked.target, asked.seed).then(
    (result) => process.send?.({ ...asked, ...result }),
    (thrown: unknown) => {
      const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
      process.send?.({ ...asked, label: '', outcome: 'fuzzer', findings: [`the fuzzer itself failed: ${text}`] })
    },
  )
})
process.send?.('ready')
