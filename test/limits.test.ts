import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { limits } from '../src/limits.ts'

test('the table of limits in docs/limitations.md is that of the code', () => {
  const text = readFileSync(new URL('../docs/limitations.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| `(\w+)` \| ([\d.,]+) /gmu)]
  const documented = Object.fromEntries(rows.map(([, name, value]) => [name, Number(value?.replaceAll(',', ''))]))
  expect(documented).toEqual(limits)
})
