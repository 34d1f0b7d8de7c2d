import type { Tally } from './tally.ts'

/** What happened, for people. */
export function summary(tally: Tally, { seed, seconds }: { readonly seed: number; readonly seconds: number }): string {
  const counted = (...names: readonly string[]) => names.map((name) => `${String(tally.get(name))} ${name}`).join(', ')
  return [
    `seed ${String(seed)}, ${seconds.toFixed(0)} s`,
    `statements: ${tally.line('statement: ')}`,
    `refused by the server: ${tally.line('refused: ')}`,
    counted('epochs', 'transactions', 'transactions rolled back'),
    `upheavals: ${tally.line('upheaval: ')}`,
    `delivered: ${counted('LOAD files', 'change files', 'redelivered files', 'repeated files', 'late files')}`,
    `DMS: ${counted('restarts', 'restarts that go back', 'reloads')}`,
    `dmscdc: ${counted('runs', 'kills', 'kills with staged files', 'commits')}; tables ${tally.line('status: ')}`,
    `errors in between: ${tally.line('error: ')}`,
    `commands: ${tally.line('command: ')}`,
    `refusals: ${tally.line('refusal: ')}`,
    `checks: ${counted('checks', 'reconciled', 'rows compared')}`,
    '',
  ].join('\n')
}
