import { join, resolve } from 'node:path'
import type { TableId } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { fileObjects } from '../objects/file-objects.ts'
import { listAll, type ObjectStore } from '../objects/object-store.ts'
import { damagedRow, parseRow, rowText } from './row-text.ts'
import { changed, meets } from './same-json.ts'
import type { RowChange, RowCondition, StateItem, StateStore } from './state-store.ts'

const readsAtOnce = 32
const attemptsMax = 1_000

/**
 * Rows as files `<dir>/<schema>/<table>.json`, each one JSON object that an operator may edit. `landingPlace` is the
 * landing's place (`/abs/landing/`), with which the rows' `path` begins. An update replaces exactly the file that its
 * condition was checked on, so two processes cannot both win, and a killed one blocks the next for at most 2 s.
 * An edit by hand within the millisecond of an update may be lost.
 */
export function fileState(options: { dir: string; landingPlace: string }): StateStore {
  const dir = resolve(options.dir)
  const files = fileObjects(dir)
  const pathOf = (id: TableId) => `${options.landingPlace}${id.schema}/${id.table}/`

  const get = async (id: TableId): Promise<StateItem | null> => {
    const found = await files.get(keyOf(id))
    return found === null ? null : { id, path: pathOf(id), ...parseRow(textOf(found.body)) }
  }

  return {
    url: files.url,
    list: async () => {
      const items: (StateItem | null)[] = []
      const ids = await tablesIn(files)
      for (let i = 0; i < ids.length; i += readsAtOnce)
        items.push(...(await Promise.all(ids.slice(i, i + readsAtOnce).map(get))))
      return items.filter((item) => item !== null)
    },
    get,
    register: async (id, row) => {
      const outcome = await files.put(keyOf(id), Buffer.from(rowText(row)), { kind: 'absent' })
      return outcome.kind === 'stored' ? 'registered' : 'exists'
    },
    update: (id, change, condition) => updateFile(files, id, change, condition, join(dir, keyOf(id))),
  }
}

async function updateFile(files: ObjectStore, id: TableId, change: RowChange, condition: RowCondition, where: string) {
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const found = await files.get(keyOf(id))
    if (found === null) return 'condition-failed'
    const { row, damage } = parseRow(textOf(found.body))
    if (row === null) throw damagedRow(where, damage ?? '')
    if (!meets(row, condition)) return 'condition-failed'
    const body = Buffer.from(rowText(changed(row, change)))
    const outcome = await files.put(keyOf(id), body, { kind: 'match', etag: found.info.etag })
    if (outcome.kind === 'stored') return 'updated'
  }
  throw new DmscdcError('conflict', `state row ${where}: changed ${attemptsMax} times while it was written`, {
    hint: 'run again when fewer runs write this row',
  })
}

/** `<schema>/<table>.json` alone: what an editor leaves beside them is no row. */
async function tablesIn(files: ObjectStore): Promise<TableId[]> {
  const ids: TableId[] = []
  for await (const page of listAll(files, { prefix: '' })) {
    for (const { key } of page.objects) {
      const match = /^([^/]+)\/([^/]+)\.json$/su.exec(key)
      if (match) ids.push({ schema: match[1] as string, table: match[2] as string })
    }
  }
  return ids
}

function keyOf(id: TableId): string {
  return `${id.schema}/${id.table}.json`
}

function textOf(body: Uint8Array): string {
  return new TextDecoder().decode(body)
}
