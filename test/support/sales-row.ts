import { readConfig } from '../../src/state/row.ts'
import type { StateItem, StateRow } from '../../src/state/state-store.ts'

/** A row of the table `sales.orders`, as it would stand in DynamoDB. */
export const id = { schema: 'sales', table: 'orders' }
export const onS3 = { landingPlace: 'landing/dms/', lakePlace: 'lake/curated/' }
export const path = 'landing/dms/sales/orders/'
export const item = (row: StateRow | null): StateItem => ({
  id,
  path,
  row,
  damage: row === null ? 'it is not JSON' : null,
})
export const config = (row: StateRow) => readConfig(item(row), { lakePlace: onS3.lakePlace })
