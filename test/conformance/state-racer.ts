import { setTimeout as sleep } from 'node:timers/promises'
import { fileState } from '../../src/state/file-state.ts'

/** A process of its own that adds 1 to the attribute `n` of sales.orders, `times` times, each under its condition. Dies at once if told to. */
const [dir = '', times = '0', end = 'exit'] = process.argv.slice(2)
const state = fileState({ dir, landingPlace: '/landing/' })
const id = { schema: 'sales', table: 'orders' }

for (let done = 0; done < Number(times); ) {
  const n = (await state.get(id))?.row?.n as number
  if ((await state.update(id, { set: { n: n + 1 } }, { n })) === 'updated') done++
  else await sleep(Math.random() * 3)
}
if (end === 'forever') for (let i = 0; ; i++) await state.update(id, { set: { noise: i } }, {})
