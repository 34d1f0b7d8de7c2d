import { withConnection } from '../../sample-db/connection.ts'
import type { Position } from '../../sample-db/position.ts'
import type { DmsSettings } from '../../sample-db/settings.ts'
import { openStandIn } from '../../sample-db/standin.ts'
import { reconcile } from '../../src/controller/reconcile.ts'
import { parseTableName } from '../../src/domain.ts'
import type { Ports } from '../../src/ports.ts'
import type { ReconcileOptions, Reconciliation } from '../../src/reconcile/reconcile-table.ts'
import { mysqlSource } from '../../src/source/mysql-source.ts'
import type { OpenSource } from '../../src/source/source.ts'
import type { MysqlPlace } from '../../src/source/source-location.ts'
import type { Lab } from './lab.ts'
import type { Mariadb } from './mariadb.ts'

/** The database `shop` on a real server, followed by the stand-in into a lab's landing. */
export type Shop = {
  readonly place: MysqlPlace
  /** Runs statements in `shop`. */
  run(script: string): Promise<void>
  /** The full load, and where to follow from. */
  load(settings?: Partial<DmsSettings>): Promise<void>
  /** Lands what has changed since. */
  follow(): Promise<void>
  reconcile(
    table: string,
    options?: Partial<ReconcileOptions> & { readonly ports?: Ports; readonly rowsPerStatement?: number },
  ): Promise<Reconciliation>
}

export async function openShop(lab: Lab, server: Mariadb): Promise<Shop> {
  const source = { socket: server.socket, user: server.user }
  await withConnection(source, (connection) =>
    connection.query('create or replace database shop character set utf8mb4'),
  )
  let settings: Partial<DmsSettings> = {}
  let position: Position | null = null
  const standIn = () =>
    openStandIn({ source, target: lab.landing, filter: { schema: 'shop' }, settings, nowMs: () => Date.now() })
  const place: MysqlPlace = {
    scheme: 'mariadb',
    host: server.host,
    port: server.port,
    socket: null,
    user: server.user,
    password: null,
    database: null,
    tls: 'off',
  }
  return {
    place,
    run: (script) => standIn().run(`use shop;\n${script}`),
    async load(given = {}) {
      settings = given
      position = await standIn().fullLoad()
    },
    async follow() {
      position = await standIn().followUntilCaughtUp(position as Position)
    },
    reconcile: (table, { ports, rowsPerStatement = 65_536, ...options } = {}) =>
      reconcileIn(
        ports ?? lab.ports,
        table,
        ({ id }) => mysqlSource(place, { database: id.schema, table: id.table }, { rowsPerStatement }),
        options,
      ),
  }
}

export function reconcileIn(
  ports: Ports,
  table: string,
  source: OpenSource,
  options: Partial<ReconcileOptions> = {},
): Promise<Reconciliation> {
  const id = parseTableName(table)
  if (id === null) throw new Error(`${table} names no table`)
  return reconcile(ports, id, source, { repair: false, limit: 20, settleMs: 0, ...options })
}
