import { memoryCatalog } from '../../src/catalog/memory-catalog.ts'
import { rehearsedCatalog } from '../../src/catalog/rehearsed-catalog.ts'
import { describeCatalog } from './catalog.ts'

describeCatalog({ name: 'in memory', open: async () => memoryCatalog() })
describeCatalog({ name: 'rehearsed', open: async () => rehearsedCatalog(memoryCatalog()) })
