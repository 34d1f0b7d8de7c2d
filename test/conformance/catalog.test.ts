import { memoryCatalog } from '../../src/catalog/memory-catalog.ts'
import { describeCatalog } from './catalog.ts'

describeCatalog({ name: 'in memory', open: async () => memoryCatalog() })
