import { expect } from 'vitest'
import { halfReplayed, threeDays } from './support/half-replayed.ts'
import { test } from './support/lab-test.ts'
import { pythonReaders, readWith } from './support/python.ts'

test('other engines read a view that skipped the versions of a replay', async ({ lab, skip }) => {
  skip((await pythonReaders()) === null, 'no python readers')
  await threeDays(lab, { publish: 'delta' })
  const read = () =>
    Promise.all(
      (['duckdb', 'polars', 'delta-rs'] as const).map((engine) => readWith(engine, 'delta', `${lab.lake}/s/t`)),
    )
  const rows = ['day 3', 'day 3'].map((v, at) => ({ id: at + 1, v }))
  const goOn = await halfReplayed(lab)
  expect(await read()).toEqual([rows, rows, rows])
  await goOn()
  expect(await read()).toEqual([rows, rows, rows])
})
