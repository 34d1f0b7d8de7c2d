import colors from 'picocolors'
import type { KeyStep, KeyStory } from './process-table/key-story.ts'

/** The story of a key as people read it, without the last newline. Values stand in it: it is for stdout alone. */
export function whyText(story: KeyStory): string {
  const key = story.key.map(({ column, value }) => `${column} = ${shown(value)}`).join(', ')
  return [
    `${story.table}, ${key}`,
    ...story.steps.flatMap(stepLines),
    ...(story.steps.length === 0 ? ['  no landing file that is there holds it'] : []),
    presentText(story),
    ...decidedText(story),
    ...story.turns.map(
      ({ version, timestampMs, operation, note }) =>
        `version ${String(version)} (${time(timestampMs)}): ${operation}${note === null ? '' : `, ${note}`}`,
    ),
    ...goneText(story),
    ...story.unreadable.map(({ file, why }) => `${colors.yellow('not looked into:')} ${file}: ${why}`),
  ].join('\n')
}

function stepLines(step: KeyStep): string[] {
  const { file, row, op, side, values, changed } = step
  const became = side === 'old' ? ' changed into another key' : ''
  return [
    `  ${colors.bold(file)} row ${String(row)}: ${op}${became}, ${fateText(step)}`,
    ...(op === 'D' ? [] : [`      ${valuesText(values, changed)}`]),
  ]
}

function fateText({ state, commits, why }: KeyStep): string {
  const by = commits.map(({ version, timestampMs }) => `version ${String(version)} (${time(timestampMs)})`).join(', ')
  const because = why === null ? '' : `: ${why}`
  switch (state) {
    case 'taken':
      return by === '' ? `taken${because}` : `taken by ${by}`
    case 'pending':
      return `pending${because}${by === '' ? '' : `; taken before by ${by}`}`
    case 'left-out':
      return `left out${because}`
    case 'untaken':
      return `never taken${because}`
  }
}

function presentText({ row }: KeyStory): string {
  if (row === null) return 'In the lake: no such row'
  const added = row.version === null ? '' : `, added by version ${String(row.version)}`
  return `In the lake, ${row.file}${added}:\n      ${valuesText(row.values, [])}`
}

function decidedText({ steps, row }: KeyStory): string[] {
  const last = steps.find(({ decides }) => decides)
  if (last !== undefined) return [`Decided by ${last.file} row ${String(last.row)}, the last change that was taken`]
  return row === null ? [] : ['Decided by a landing file that is gone, or before the log began']
}

function goneText({ gone }: KeyStory): string[] {
  if (gone.length === 0) return []
  const names = gone.slice(0, goneShownMax).map(({ file, version }) => `${file} (version ${String(version)})`)
  const more = gone.length > goneShownMax ? ` and ${String(gone.length - goneShownMax)} more` : ''
  return [`Gone from the landing, so that nobody knows whether they held the key: ${names.join(', ')}${more}`]
}

const goneShownMax = 20

function valuesText(values: KeyStep['values'], changed: readonly string[]): string {
  return Object.entries(values)
    .map(([column, value]) => {
      const text = `${column}=${shown(value)}`
      return changed.includes(column) ? colors.yellow(`*${text}`) : text
    })
    .join(' ')
}

const shown = (value: string | null) => (value === null ? 'NULL' : JSON.stringify(value))
const time = (ms: number) => `${new Date(ms).toISOString().replace('T', ' ').slice(0, 19)} UTC`
