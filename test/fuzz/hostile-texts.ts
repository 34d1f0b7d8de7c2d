import type { Random } from '../e2e/seeded-random.ts'

/** Written into names so that whoever runs one as SQL makes a file; `pwned` is looked for in the whole world. */
const sqlNames = [
  `'); copy (select 1) to 'pwned.txt'; --`,
  `"); copy (select 1) to 'pwned.txt'; --`,
  `x" from range(1); copy (select 1) to 'pwned.txt'; --`,
  `'; attach 'pwned.db'; --`,
  `\${process.exit(9)}`,
  `$(touch pwned)`,
  '`touch pwned`',
  `'||(select 1)||'`,
  `*/ select 1 /*`,
  `"`,
  `""`,
  `'`,
  `''`,
  `\\`,
  `\\'`,
  `\\"`,
  `a"b'c\`d`,
  `%s%n%00`,
  `$&$1$\`$'`,
]

const strangeNames = [
  '.',
  '..',
  '...',
  '%2e%2e',
  '%2e',
  '%2F',
  '..%2f..%2foutside',
  '~',
  '-rf',
  '--help',
  '_dmscdc',
  '_delta_log',
  '.dmscdc-tmp',
  '_symlink_format_manifest',
  '__HIVE_DEFAULT_PARTITION__',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'NULL',
  'true',
  '0',
  'awsdms_x',
  'a.b',
  '"a"."b"',
  'a=1',
  'a=b=c',
  '=',
  '*',
  '**',
  '?',
  '[a]',
  '{a,b}',
  ' ',
  ' lead',
  'trail ',
  'trail.',
  'C:\\x',
  'file:',
  's3:',
  'é',
  'e\u0301',
  'ﬁ',
  'İ',
  'ı',
  'ß',
  'SS',
  'Ω',
  '\u202eevil',
  '\u200b',
  '\ufeff',
  '😀',
  '\u{10FFFF}',
  '#a',
  'a:b',
  'a;b',
  'a|b',
  'a&b',
  'con',
  'nul',
]

const controlNames = [
  '\u0000',
  'a\u0000b',
  '\n',
  'a\nb',
  '\r',
  '\t',
  '\u001b[2J\u001b[31mred',
  '\u0007',
  '\u007f',
  '\u0085',
  '\u2028',
]

/** A name that means something to somebody: SQL, a shell, a file system, a terminal, JSON, a partition folder. */
export function hostileName(random: Random): string {
  const one = random.below(20)
  if (one < 7) return random.pick(sqlNames)
  if (one < 14) return random.pick(strangeNames)
  if (one < 17) return random.pick(controlNames)
  if (one === 17) return 'n'.repeat(random.pick([63, 64, 128, 200, 245, 250, 255]))
  if (one === 18) return random.pick(['ü', '漢', '😀']).repeat(random.pick([20, 60, 63, 64]))
  return `${random.pick(strangeNames)}${random.pick(sqlNames)}`
}

/** The same, also longer than any file system allows. */
export function hostileText(random: Random): string {
  const one = random.below(14)
  if (one === 0) return ''
  if (one === 1) return 'x'.repeat(random.pick([1_000, 70_000, 400_000]))
  if (one === 2) return '(['.repeat(random.pick([10, 1_000, 20_000]))
  if (one === 3) return '\ud800'
  if (one === 4)
    return `x${random.pick(['/', ' ', ',', '"', 'a ', 'a,', '1d', '\\', '%2e/'])}`.repeat(random.pick([50, 100_000]))
  if (one === 5) return `${random.pick(['/', ' ', '(', '"']).repeat(random.pick([3_000, 250_000]))}x`
  return hostileName(random)
}

/** What stands at a place where another type is expected. */
export function hostileValue(random: Random): unknown {
  const values: readonly (() => unknown)[] = [
    () => hostileText(random),
    () => hostileText(random),
    () => random.pick([0, -1, 1.5, 1e308, -1e308, 2 ** 53, 1e15, 1e9, 100_000_000, -0]),
    () => random.pick([true, false, null]),
    () => [],
    () => [hostileText(random), hostileText(random)],
    () => [1, null, { a: [] }],
    () => ({}),
    () => ({ toString: 1, valueOf: 'x' }),
    () => ({ [hostileText(random)]: { a: { b: [hostileText(random)] } } }),
    () => JSON.parse('{"__proto__": {"polluted": true}, "constructor": 5, "length": -1}'),
    () => nested(random.pick([10, 40, 1_000])),
    () => random.pick(['true', 'TRUE', ' true', 'yes', '1', 'NaN', 'Infinity', '1e999', '0x10', '٣']),
    () => random.pick(['9999-99-99 99:99:99', '0000-00-00 00:00:00', '+275760-09-13T00:00:00Z', '1900-01-01', 'now()']),
    () => random.pick(['99999999999d', '1d'.repeat(3_000), '-1h', '0', '1e9s', '9007199254740993s']),
  ]
  return random.pick(values)()
}

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value }
  return value
}
