import { afterAll, describe, expect, it } from 'vitest'
import { setTables } from '../src/controller/set-table.ts'
import { s3WriteCosts } from '../src/load-incremental/choose-write.ts'
import { s3Objects } from '../src/objects/s3-objects.ts'
import { fileState } from '../src/state/file-state.ts'
import { openLab } from './support/lab.ts'
import { newBucket, s3Servers } from './support/s3-servers.ts'
import { wideRows } from './support/wide-rows.ts'

const server = await s3Servers.VersityGW?.()

describe.skipIf(!server)('a small merge on S3', () => {
  if (!server) return
  afterAll(() => server.stop())

  it('is done with 17 requests at most, 5 of them such as cost more than a GET, the landing included', async () => {
    const lab = await openLab()
    try {
      const scratchDir = `${lab.folder}/fetched`
      const [landing, lake] = await Promise.all(
        ['landing', 'lake'].map(async (prefix) =>
          s3Objects(server.client, { bucket: await newBucket(server.client), prefix, scratchDir }),
        ),
      )
      if (landing === undefined || lake === undefined) throw new Error('no store')
      const state = fileState({ dir: lab.state, landingPlace: landing.place })
      const ports = { ...lab.ports, landing, lake, state, writeCosts: s3WriteCosts }
      const land = async (key: string, rows: string) => {
        const scratchFile = await lab.land(key, rows)
        await landing.put(key, { scratchFile }, { kind: 'any' })
      }
      await land('s/t/LOAD00000001.parquet', wideRows('0, 800_000'))
      await setTables(ports, 's.t', { active: true, primaryKey: 'id' })
      const loaded = await lab.runOne('s.t', { ports })
      expect(loaded).toMatchObject({ error: null })
      expect(loaded.bytesWritten).toBeGreaterThan(20_000_000)
      for (const hour of [1, 2, 3]) {
        const updates = `select 'U' as "Op", * replace (amount + ${String(hour)} as amount) from (${wideRows('790_000, 800_000, 300')})`
        await land(`s/t/20240101-00000000${String(hour)}.parquet`, updates)
        const report = await lab.runOne('s.t', { ports })
        expect(report).toMatchObject({ error: null, changes: { updated: 34 }, filesAdded: 1 })
        const { get = 0, put = 0, copy = 0, list = 0, delete: deletions = 0 } = report.requests
        expect(put + copy + list, JSON.stringify(report.requests)).toBeLessThanOrEqual(5)
        expect(get + put + copy + list + deletions, JSON.stringify(report.requests)).toBeLessThanOrEqual(17)
      }
    } finally {
      await lab.close()
    }
  })
})
