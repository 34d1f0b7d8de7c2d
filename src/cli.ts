import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { asDmscdcError, UsageError } from './errors.ts'
import { dmscdcVersion } from './version.ts'

/** What the commands do, and all that they need for it, is read only once one of them runs. */
const commands = () => import('./cli-commands.ts')

const program = new Command('dmscdc')
  .description(
    'Merges what AWS DMS writes to S3 into a lake of plain Parquet with an open log, rewriting just what changed.',
  )
  .version(dmscdcVersion)
  // Behind a command its own options count: `restore --version` is none of ours.
  .enablePositionalOptions()
  .showHelpAfterError(false)
  .configureHelp({ sortSubcommands: false })
  .configureOutput({ writeErr: () => {}, outputError: () => {} })
  .exitOverride()
  .addHelpText(
    'after',
    `
Places can also be given once, by environment variables: DMSCDC_LANDING, DMSCDC_LAKE, DMSCDC_STATE (and DMSCDC_MEMORY,
DMSCDC_THREADS, DMSCDC_TEMP, DMSCDC_GLUE_DATABASE). A flag wins.

  dmscdc demo                                              see the whole job on recorded files of a sample database
  dmscdc tables --landing L --lake K --state S             what has landed; each table is registered, inactive
  dmscdc set shop.orders --active --primary-key id …       onboard a table
  dmscdc run …                                             one cycle; start it by a trigger, hourly

Exit: 0 done, 1 a table failed or is held, 2 wrong use.`,
  )

command('run', 'one cycle: discover, register, process every active table')
  .option('--table <S.T...>', 'only these tables, with no discovery')
  .addOption(new Option('--item <S.T...>', "the original's name of --table").hideHelp())
  .option('--concurrency <n>', 'tables at a time at most (default: by the cores)')
  .option('--deadline <50m>', 'a table that takes longer has failed, and others go on')
  .option('--dispatch <where>', 'inProcess, or a task or job per large table: ecsTask, glueJob (default: inProcess)')
  .option('--dispatch-above <1GB>', 'what is large: so much of landing to take (default: 1GB, for glueJob 0)')
  .option('--vcpu-budget <n>', 'of all ECS tasks together')
  .option(
    '--metrics <emf>',
    'write CloudWatch metrics to stderr, in the embedded metric format (with --table by this flag alone)',
  )
  .option('--create-state', "make the state's DynamoDB table if it is missing")
  .action(async (flags) => (await import('./cli-run.ts')).run(flags))

command('tables', 'every known table: state, keys, progress, what holds it, candidate keys of an inactive one').action(
  async (flags) => (await commands()).tables(flags),
)

command('set', "edits the table's row in the state; S.* edits several")
  .argument('<S.T>', 'the table, or S.* for all of a schema')
  .option('--active', 'process the table')
  .option('--inactive', 'leave the table alone')
  .option('--primary-key <a,b>', 'the columns that make a row unique; null: none')
  .option('--partition-key <c>', 'Hive folders by these columns; null: none')
  .option(
    '--publish <views>',
    'delta: a Delta Lake table in the folder; manifest: symlink manifests; glue: the Glue Data Catalog; empty: the plain folder',
  )
  .option('--retain <7d>', 'keep superseded files that long')
  .option('--look-back <24h>', 'how far back the name of a file may be late')
  .option('--load-settle <10m>', 'wait until a new full load is that old')
  .option(
    '--sequence-column <x>',
    "order a key's changes by this column first, as AR_H_CHANGE_SEQ; null: as they landed",
  )
  .option('--remember-deletes <7d>', 'with a sequence column: how long a deletion keeps older changes out')
  .option('--on-vanish <warn>', 'when all landing files of a table are gone: warn, hold or truncate')
  .option(
    '--landed <keep>',
    'what becomes of change files that were taken: keep, archive:<folder>[:30d] or delete[:30d]',
  )
  .option('--landing-timezone <zone>', 'the zone in which DMS names its files (IANA name)')
  .option('--keep-op <true|false>', "keep DMS's column Op", trueOrFalse)
  .option('--before-image-prefix <BI_>', 'of before-image columns')
  .option('--csv-columns <list>', "names and types in file order: 'id bigint, name string'")
  .option('--csv-header <true|false>', 'CSV files begin with a header', trueOrFalse)
  .option('--csv-null-value <text>', 'text that means NULL')
  .option('--csv-delimiter <c>', 'between fields')
  .option(
    '--rfc4180 <true|false>',
    'values may stand in quotes (false: a quote is like any other character)',
    trueOrFalse,
  )
  .action(async (pattern, flags) => (await commands()).set(pattern, flags))

command(
  'plan',
  'what run would do: files, changes by kind, files and bytes to rewrite, requests, cost; changes nothing',
)
  .option('--table <S.T...>', 'only these tables')
  .action(async (flags) => (await commands()).plan(flags))

command('verify', 'proves the lake against the log, content hashes included')
  .option('--table <S.T...>', 'only these tables')
  .action(async (flags) => (await commands()).verify(flags))

command('history', 'the commits: when, from which files, what they changed and cost')
  .argument('<S.T>', 'the table')
  .action(async (table, flags) => (await commands()).history(table, flags))

command('replay', 'moves the progress back to before a landing file; the next run takes the files from there on again')
  .argument('<S.T>', 'the table')
  .requiredOption('--from <file>', "the landing file's base name, or its key below the table; a LOAD file: all of them")
  .action(async (table, flags) => (await commands()).replay(table, flags))

command('why', 'which landing files and rows, and which commits, gave a key its value')
  .argument('<S.T>', 'the table')
  .argument('<key...>', 'the values of the key columns, in order; after -- where one begins with a dash')
  .option('--null <text>', 'a value that is this text means NULL')
  .action(async (table, key, flags) => (await commands()).why(table, key, flags))

command(
  'restore',
  'brings back rows, schema and progress of a version as a new commit, and sets the table inactive; set --active goes on from there',
)
  .argument('<S.T>', 'the table')
  .requiredOption('--version <n>', 'as history shows it', versionNumber)
  .option('--keep-progress', 'what was taken since then stays taken: its changes are left out for good')
  .action(async (table, flags) => (await commands()).restore(table, flags))

command('skip', 'passes over a landing file that holds the table; recorded')
  .argument('<S.T>', 'the table')
  .argument('<file>', "the landing file's base name, or its key below the table")
  .requiredOption('--why <text>', 'the reason; history shows it')
  .action(async (table, file, flags) => (await commands()).skip(table, file, flags))

command('compact', 'writes small data files together and drops the dead bytes of spliced ones; rows and progress stay')
  .argument('[S.T...]', 'the tables (default: all that were loaded)')
  .addOption(new Option('--cluster-by <what>', 'sort the rows of each partition by the primary key').choices(['key']))
  .action(async (names, flags) => (await commands()).compact(names, flags))

command('reconcile', 'compares the lake with the source database, key by key; --repair mends what differs')
  .argument('<S.T>', 'the table')
  .option('--source <url>', 'mysql://user@host:3306/db, mariadb://…, or the place of a fresh full load (DMSCDC_SOURCE)')
  .option('--source-table <db.table>', 'where the source calls the table otherwise')
  .option('--repair', "merge the source's rows for the keys that differ, in a commit of its own")
  .option('--limit <n>', 'keys to name of each kind (default: 20)')
  .option('--settle <5m>', 'how long to wait for changes in flight to arrive (default: 0)')
  .addHelpText(
    'after',
    `
The password stands in DMSCDC_SOURCE_PASSWORD or MYSQL_PWD. A URL takes ?tls=on, ?tls=verify and ?socket=/path.
Exit: 0 equal, 1 different.`,
  )
  .action(async (table, flags) => (await commands()).reconcile(table, flags))

program
  .command('demo')
  .description("the sample database's recorded DMS files, start to end, in a temporary folder")
  .option('--json', 'print one JSON document')
  .option('--verbose', 'show the log and traces')
  .action(async (flags) => (await commands()).demo(flags))

/** Node's own code for an end with work that is still waited for. */
const unfinished = 13

process.exitCode = unfinished
process.once('exit', (code) => {
  if (code === unfinished)
    process.stderr.write('error: ended before its work was done\nTry: the same with --verbose, and report it\n')
})
void main()

async function main(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreAbsentReader)
  try {
    if (process.argv.length <= 2) {
      process.stdout.write(program.helpInformation())
      throw new UsageError('no command given', 'dmscdc --help')
    }
    await program.parseAsync()
    if (process.exitCode === unfinished) process.exitCode = 0
  } catch (error) {
    process.exitCode = explain(error)
  }
}

/** Who reads the answer may leave in the middle of it, as `head` does; the work goes on to its end. */
function ignoreAbsentReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

/** A command with the flags that all of them share. */
function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--landing <place>', 'what DMS writes: s3://bucket/prefix/, file:///dir or a path')
    .option('--lake <place>', 'what readers query: the same kinds')
    .option('--state <place>', "the tables' rows: dynamodb://Table, file:///dir or a path")
    .addOption(new Option('--bucket <name>', "the landing's bucket").hideHelp())
    .addOption(new Option('--prefix <prefix>', "the landing's prefix").hideHelp())
    .addOption(new Option('--out_bucket <name>', "the lake's bucket").hideHelp())
    .addOption(new Option('--out_prefix <prefix>', "the lake's prefix").hideHelp())
    .option('--kms-key <id>', 'encrypt what is written to the lake with this KMS key')
    .option('--landing-owner <account>', "the account that must own the landing's bucket")
    .option('--lake-owner <account>', "the account that must own the lake's bucket")
    .option('--glue-database <name>', 'where the view glue puts the tables (default: a database for each schema)')
    .option('--memory <size>', "DuckDB's memory limit in all, as in 512MB (default: half of the machine's)")
    .option('--threads <n>', "DuckDB's threads")
    .option('--temp <dir>', 'spill and work folder')
    .option('--json', 'print one JSON document')
    .option('--verbose', 'show the log and traces')
}

function versionNumber(text: string): number {
  if (/^\d{1,15}$/u.test(text)) return Number(text)
  throw new InvalidArgumentError(`found "${text}", expected the number of a version`)
}

function trueOrFalse(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw new InvalidArgumentError(`found "${text}", expected true or false`)
}

/** Says on stderr what went wrong and what to do; returns the exit code. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return explainUse(error)
  if (error instanceof UsageError) return complain(error.message, error.hint, 2)
  const known = asDmscdcError(error)
  if (process.argv.includes('--verbose')) process.stderr.write(`${known.stack ?? ''}\n`)
  return complain(known.message, known.hint, known.kind === 'invalid-config' ? 2 : 1)
}

function explainUse(error: CommanderError): number {
  if (error.exitCode === 0) return 0
  const name = process.argv[2] ?? ''
  const known = program.commands.some((one) => one.name() === name)
  return complain(error.message.replace(/^error: /u, ''), known ? `dmscdc ${name} --help` : 'dmscdc --help', 2)
}

function complain(what: string, hint: string, exitCode: number): number {
  process.stderr.write(`error: ${what}\nTry: ${hint}\n`)
  return exitCode
}
