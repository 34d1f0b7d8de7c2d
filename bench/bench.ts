import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import { dmscdcVersion } from '../src/version.ts'
import { type Figure, figureHead, figureLine, machine } from './figures.ts'
import { runGrowth, sectionNames } from './growth.ts'
import { runS3 } from './s3.ts'
import { targetHead, targetLines } from './targets.ts'
import { batches } from './workload.ts'
import { runWorkload } from './workload-cases.ts'

export type BenchOptions = {
  readonly rows: number
  readonly runs: number
  readonly case?: readonly string[]
  readonly peer: readonly string[]
  readonly memory: string
  readonly folder: string
  readonly write?: boolean
  readonly part?: string
}

const resultsFile = fileURLToPath(new URL('results.md', import.meta.url))
const growthFile = fileURLToPath(new URL('growth.md', import.meta.url))

const program = new Command('npm run bench --')
  .description('Whole processes, from their start to the committed table: seconds, memory, bytes, files and requests.')
  .addHelpText('after', '\nbench/README.md says what is measured and how to read it.')

withOptions(program.command('workload', { isDefault: true }))
  .description('the table of ten million rows on this disk: ours beside its floors, and beside peers')
  .option(
    '--case <name...>',
    `only these: initial, floor, ${batches.map(({ name }) => name).join(', ')}, again-<batch>`,
  )
  .action((options: BenchOptions) => report(options.part ?? 'workload', options, runWorkload))

withOptions(program.command('s3'))
  .description(
    'one small merge an hour on a server that speaks S3: every request counted, with and without 20 ms on each',
  )
  .action((options: BenchOptions) => report(options.part ?? 'S3', options, runS3))

withOptions(program.command('growth'))
  .description('how the cost grows with files, rows, commits and tables')
  .option('--case <name...>', `only these: ${sectionNames.join(', ')}`)
  .action((options: BenchOptions) =>
    runGrowth(options, say, (title, lines) => {
      const part = [`## ${title}`, '', ...head(options), '', ...lines]
      if (options.write) keepPart({ file: growthFile, title: 'How the cost grows' }, title, part)
    }),
  )

await program.parseAsync()

function withOptions(command: Command): Command {
  return command
    .option(
      '--rows <n>',
      'of the table; fewer give a quick look, in which starting the process weighs more',
      whole,
      10_000_000,
    )
    .option('--runs <n>', 'of each case and system, which take turns', whole, 3)
    .option('--peer <names...>', 'delta-rs, plain-duckdb, spark-delta, original-spark', [])
    .option('--memory <size>', 'of ours', '512MB')
    .option('--folder <dir>', 'where the files go; they are removed at the end', tmpdir())
    .option('--write', 'keep the figures in this folder, in results.md or growth.md')
    .option('--part <title>', 'with --write: a part of results.md of its own, as for some peers or cases alone')
}

function whole(text: string): number {
  if (!/^[1-9]\d*$/u.test(text)) throw new InvalidArgumentError(`found "${text}", expected a whole number above 0`)
  return Number(text)
}

function head({ rows, runs, memory }: BenchOptions): readonly string[] {
  const facts = `${rows.toLocaleString('en')} rows, ${String(runs)} runs, --memory ${memory}, load before ${(loadavg()[0] ?? 0).toFixed(1)}`
  return [`dmscdc ${dmscdcVersion} on ${machine()}; ${facts}; ${new Date().toISOString().slice(0, 10)}.`]
}

async function report(
  part: string,
  options: BenchOptions,
  run: (options: BenchOptions, take: (figure: Figure) => void) => Promise<void>,
): Promise<void> {
  const figures: Figure[] = []
  for (const line of [...head(options), '', ...figureHead]) say(line)
  await run(options, (figure) => {
    figures.push(figure)
    say(figureLine(figure))
  })
  const reached = targetLines(figures)
  if (reached.length > 0) for (const line of ['', ...targetHead, ...reached]) say(line)
  if (!options.write) return
  const lines = [`## ${part}`, '', ...head(options), '', ...figureHead, ...figures.map(figureLine)]
  keepPart({ file: resultsFile, title: 'Results' }, part, [
    ...lines,
    ...(reached.length > 0 ? ['', ...targetHead, ...reached] : []),
  ])
}

type Kept = { readonly file: string; readonly title: string }

/** Each part of a file is replaced as a whole. */
function keepPart({ file, title }: Kept, part: string, lines: readonly string[]): void {
  const parts = readParts(file)
  parts.set(part, `${lines.join('\n')}\n`)
  writeFileSync(file, `# ${title}\n\n${[...parts.values()].join('\n')}`)
}

function readParts(file: string): Map<string, string> {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const parts = text.split(/^(?=## )/mu).slice(1)
  return new Map(parts.map((part) => [/^## (.*)$/mu.exec(part)?.[1] ?? '', part.replace(/\n*$/u, '\n')]))
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
