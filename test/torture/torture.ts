import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { startMariadb } from '../support/mariadb.ts'
import { onDisk } from './arena.ts'
import { onS3 } from './arena-on-s3.ts'
import { summary } from './summary.ts'
import { torment } from './torment.ts'

/**
 * `npm run torture -- --minutes N --seed S [--runs-on file|s3]`: a random workload on a real MariaDB, followed by DMS tasks that are restarted
 * and redeliver, and merged by `dmscdc` processes that are killed. In the end, and every few minutes, the lake must equal the database.
 * The seed alone decides every statement, in its order for each writer. Where writers meet, and when something is
 * killed, restarted or held back, is a matter of time as well. Exit 1 with what differs; the folder stays then.
 */
const aboveZero = (text: string) => {
  const number = Number(text)
  if (!(number > 0)) throw new InvalidArgumentError('expected a number above 0')
  return number
}
const options = new Command('torture')
  .option('--minutes <n>', 'how long the writers write', aboveZero, 5)
  .option('--seed <s>', 'of everything random', aboveZero, Date.now() % 1_000_000)
  .addOption(new Option('--runs-on <where>', 'where landing and lake are').choices(['file', 's3']).default('file'))
  .option('--writers <n>', 'concurrent connections', aboveZero, 3)
  .option('--check-every <minutes>', 'hold the lake against the source in between', aboveZero, 4)
  .option('--folder <dir>', 'below which it works', tmpdir())
  .option('--keep', 'keep the folder of a run that went well too', false)
  .parse()
  .opts<{
    minutes: number
    seed: number
    runsOn: 'file' | 's3'
    writers: number
    checkEvery: number
    folder: string
    keep: boolean
  }>()

// By an exit, at which the servers are stopped.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const server = await startMariadb()
if (server === null) process.exit(1)
const folder = mkdtempSync(join(options.folder, 'dmscdc-torture-'))
process.stdout.write(
  `torture: seed ${String(options.seed)}, ${String(options.minutes)} minutes, on ${options.runsOn}, in ${folder}\n`,
)
const arena = options.runsOn === 'file' ? onDisk(folder) : await onS3(folder)
if (arena === null) process.exit(1)
try {
  const { minutes, checkEvery, seed, writers } = options
  const startedMs = Date.now()
  const { findings, tally } = await torment({
    ...{ server, arena, folder, seed, writers },
    minutes,
    checkEveryMinutes: checkEvery,
    say: (line) => void process.stdout.write(`${line}\n`),
  })
  process.stdout.write(summary(tally, { seed, seconds: (Date.now() - startedMs) / 1000 }))
  if (findings.length === 0 && !options.keep) rmSync(folder, { recursive: true, force: true })
  if (findings.length > 0) {
    process.exitCode = 1
    process.stdout.write(`${findings.join('\n')}\nseed ${String(seed)}, kept in ${folder}\n`)
  }
} finally {
  await arena.close()
  await server.stop()
}
process.exit()
