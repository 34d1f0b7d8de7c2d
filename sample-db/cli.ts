import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Source, TableFilter } from './connection.ts'
import { follow } from './follow.ts'
import { fullLoad, presentPosition } from './full-load.ts'
import { readPosition, writePosition } from './position.ts'
import { record } from './record.ts'
import { type DmsSettings, defaultSettings } from './settings.ts'
import { runScriptFile } from './sql-script.ts'
import { schemaScript } from './standin.ts'

const program = new Command('sample-db')
  .description(
    'The sample database and a stand-in for AWS DMS: full load and changes of a MySQL or MariaDB server as files',
  )
  .option('--host <name>', 'server', '127.0.0.1')
  .option('--port <number>', 'its port', wholeNumber, 3306)
  .option('--user <name>', 'who reads it', 'root')
  .option('--password <text>', 'and with which password')
  .option('--socket <path>', 'connect by this socket instead')
  .showHelpAfterError()

program
  .command('init')
  .description('create the sample database anew (schema.sql)')
  .action(() => runScriptFile(source(), schemaScript))

program
  .command('script <file>')
  .description('run a script of the mysql client, DELIMITER included')
  .action((file: string) => runScriptFile(source(), file))

withTask(program.command('full-load'))
  .description('write all rows as LOAD files and start a position file')
  .action(async (options: TaskOptions) => {
    const { target, filter, settings } = task(options)
    const position = await fullLoad({ source: source(), target, filter, settings, nowMs: Date.now })
    await writePosition(options.positionFile, position)
  })

withTask(program.command('follow'))
  .description('write changes as change files, from the position file on; without one, from now on')
  .option('--until-caught-up', 'end at what the server has logged at the start', false)
  .option('--replica-id <number>', 'connect as this replica', wholeNumber, 7100 + (process.pid % 10_000))
  .action(async (options: TaskOptions & { untilCaughtUp: boolean; replicaId: number }) => {
    const { target, filter, settings } = task(options)
    const from = (await readPosition(options.positionFile)) ?? (await presentPosition(source(), filter))
    const save = (position: typeof from) => writePosition(options.positionFile, position)
    await save(from)
    const { untilCaughtUp, replicaId } = options
    const signal = interrupted()
    const next = await follow(from, {
      ...{ source: source(), target, filter, settings, nowMs: Date.now, untilCaughtUp, replicaId, save, signal },
    })
    await save(next)
  })

program
  .command('record')
  .description('record the sample database and its changes anew')
  .option('--folder <path>', 'where', join(import.meta.dirname, 'recorded'))
  .action((options: { folder: string }) => record(source(), options.folder, Date.now))

await program.parseAsync().catch((error: Error & { hint?: string }) => {
  process.stderr.write(`error: ${error.message}\n${error.hint === undefined ? '' : `Try: ${error.hint}\n`}`)
  process.exitCode = 1
})

type TaskOptions = Partial<DmsSettings> & {
  readonly target: string
  readonly positionFile: string
  readonly schema?: string
  readonly table?: string[]
}

/** Adds what a DMS task and its target endpoint are told. */
function withTask(command: Command): Command {
  const { CdcMaxBatchInterval, CdcMinFileSize, MaxFileSize, ParquetTimestampInMillisecond } = defaultSettings
  return command
    .requiredOption('--target <dir>', 'the folder that stands for the bucket folder')
    .requiredOption('--position-file <file>', 'how far the source has been followed')
    .option('--schema <name>', 'take this schema only')
    .option('--table <name...>', 'take these tables only')
    .addOption(choice('--DataFormat <format>', ['parquet', 'csv']))
    .addOption(choice('--CompressionType <type>', ['NONE', 'GZIP']))
    .option('--IncludeOpForFullLoad', 'write Op = I in the full load too')
    .option('--TimestampColumnName <name>', 'add a column with the time of the load or the commit')
    .option('--CdcMaxBatchInterval <seconds>', 'close a batch of changes after', wholeNumber, CdcMaxBatchInterval)
    .option('--CdcMinFileSize <KB>', 'close a batch of changes at', wholeNumber, CdcMinFileSize)
    .option('--MaxFileSize <KB>', 'go on in a new LOAD file after', wholeNumber, MaxFileSize)
    .option('--DatePartitionEnabled', 'put change files in folders by commit date')
    .addOption(choice('--DatePartitionSequence <order>', ['YYYYMMDD', 'YYYYMMDDHH', 'YYYYMM', 'MMYYYYDD', 'DDMMYYYY']))
    .addOption(choice('--DatePartitionDelimiter <delimiter>', ['SLASH', 'UNDERSCORE', 'DASH', 'NONE']))
    .option(
      '--ParquetTimestampInMillisecond <boolean>',
      'false: microseconds',
      trueOrFalse,
      ParquetTimestampInMillisecond,
    )
    .addOption(
      choice('--BeforeImage <columns>', ['pk-only', 'non-lob', 'all'], 'add BI_ columns with the old values of'),
    )
    .option('--BeforeImageColumns <names>', 'and of these columns', commaList)
    .option('--ChangeSequenceColumn <name>', 'add the change sequence number (AR_H_CHANGE_SEQ)')
    .addOption(
      choice('--TargetTablePrepMode <mode>', ['DO_NOTHING', 'DROP_AND_CREATE'], "the target's files at a full load"),
    )
    .addOption(choice('--parquet-writer <writer>', ['arrow', 'dms-exact'], 'whose physical form Parquet files have'))
}

function choice(flags: string, choices: readonly string[], description = 'as in DMS'): Option {
  return new Option(flags, description).choices(choices)
}

function task(options: TaskOptions): { target: string; filter: TableFilter; settings: DmsSettings } {
  const { target, schema, table: tables } = options
  const named = Object.keys(defaultSettings).filter((name) => name in options) as (keyof DmsSettings)[]
  const given = Object.fromEntries(named.map((name) => [name, options[name]]))
  return {
    target,
    filter: { ...(schema === undefined ? {} : { schema }), ...(tables === undefined ? {} : { tables }) },
    settings: { ...defaultSettings, ...given },
  }
}

function source(): Source {
  return program.opts<Source>()
}

/** Ctrl-C closes the open batch first. */
function interrupted(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort())
  return controller.signal
}

function wholeNumber(text: string): number {
  if (!/^\d+$/u.test(text)) throw new InvalidArgumentError('expected a whole number')
  return Number(text)
}

function trueOrFalse(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('expected true or false')
  return text === 'true'
}

function commaList(text: string): string[] {
  return text.split(',').filter((name) => name !== '')
}
