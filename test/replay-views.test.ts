import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { replayFile } from '../src/controller/landing-commands.ts'
import { eachAlone, halfReplayed, threeDays } from './support/half-replayed.ts'
import type { Lab } from './support/lab.ts'
import { filesBelow, test } from './support/lab-test.ts'
import { id, nameOf } from './support/plain-table.ts'

const viewed = async (lab: Lab) =>
  (await filesBelow(join(lab.lake, 's/t/_delta_log'))).map((name) => name.replace(/^0+(?=\d)/u, ''))
const manifest = (lab: Lab) => readFile(join(lab.lake, 's/t/_symlink_format_manifest/manifest'), 'utf8')
const expectSound = async (lab: Lab) => expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])

test('views stand still while a replay of several commits is half done, and then go on from its last', async ({
  lab,
}) => {
  await threeDays(lab, { publish: 'delta,manifest', retain: '0' })
  const shown = await manifest(lab)
  const goOn = await halfReplayed(lab)
  expect(await viewed(lab)).toEqual([0, 1, 2, 3, 4].map((version) => `${String(version)}.json`))
  expect(await manifest(lab)).toBe(shown)
  // What the views name stays, though nothing superseded is retained.
  for (const line of shown.trimEnd().split('\n')) await readFile(line.slice('file://'.length))
  await expectSound(lab)

  await goOn()
  expect(await viewed(lab)).toEqual([
    ...[0, 1, 2, 3, 4].map((version) => `${String(version)}.json`),
    '7.checkpoint.parquet',
    '7.json',
    '_last_checkpoint',
  ])
  expect(await manifest(lab)).not.toBe(shown)
  await expect(readFile(shown.trimEnd().slice('file://'.length))).rejects.toMatchObject({ code: 'ENOENT' })
  await expectSound(lab)
})

test('a replay that one commit carries out is followed version by version', async ({ lab }) => {
  await threeDays(lab, { publish: 'delta' })
  await replayFile(lab.ports, id, nameOf(1))
  expect(await lab.runOne('s.t')).toMatchObject({ error: null, files: 3 })
  expect(await viewed(lab)).toEqual([0, 1, 2, 3, 4, 5].map((version) => `${String(version)}.json`))
  await expectSound(lab)
})

test('a view that is put on or taken off in the midst of a replay is so when it is over', async ({ lab }) => {
  await threeDays(lab, { publish: 'manifest' })
  const goOn = await halfReplayed(lab)
  await lab.set('s.t', { publish: 'delta' })
  await lab.run(eachAlone(lab))
  expect(await viewed(lab)).toEqual([])
  expect(await manifest(lab)).not.toBe('')
  await goOn()
  expect(await viewed(lab)).toContain('7.json')
  await expect(manifest(lab)).rejects.toMatchObject({ code: 'ENOENT' })
  await expectSound(lab)
})

test('a replay whose last file is gone holds the table, until it is back or passed over', async ({ lab }) => {
  await threeDays(lab, {})
  await replayFile(lab.ports, id, nameOf(1))
  const last = join(lab.landing, 's', 't', nameOf(3))
  const body = await readFile(last)
  await rm(last)
  expect(await lab.runOne('s.t')).toMatchObject({
    status: 'held',
    error: { kind: 'bad-landing', message: expect.stringContaining(nameOf(3)) },
  })
  await writeFile(last, body)
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
  expect(await lab.rows('s.t')).toMatchObject([{ v: 'day 3' }, { v: 'day 3' }])
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
})
