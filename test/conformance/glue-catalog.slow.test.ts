import { afterAll, describe } from 'vitest'
import { glueCatalog } from '../../src/catalog/glue-catalog.ts'
import { startGlue } from '../support/glue-server.ts'
import { describeCatalog } from './catalog.ts'

const server = await startGlue()
afterAll(() => server?.stop())

describe.skipIf(!server)('on moto', () => {
  if (!server) return
  describeCatalog({ name: 'in Glue', open: async () => glueCatalog(server.client), ignoresVersions: true })
})
