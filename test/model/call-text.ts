import { entryKey } from '../../src/lake/keys.ts'
import { type Call, numberOf, type Value } from './world.ts'

/** Equal calls have equal numbers. */
export function callNumber(call: Call): number {
  const number = callNumbers.get(call) ?? numberOf(JSON.stringify(call))
  callNumbers.set(call, number)
  return number
}

const callNumbers = new WeakMap<Call, number>()

/** A call as a trace shows it. */
export function callText(call: Call): string {
  switch (call.verb) {
    case 'list':
      return `list ${short(call.prefix)}`
    case 'head':
    case 'get':
      return `${call.verb} ${short(call.key)}`
    case 'put':
      return `put ${short(call.key)} if ${call.condition.kind}`
    case 'copy':
      return `copy ${short(call.from)} to ${short(call.to)}`
    case 'delete':
      return `delete ${call.keys.map(short).join(' ')}`
    case 'write-row':
      return `write row ${Object.keys(call.change.set ?? {}).join()}${call.change.remove?.includes('Lease') ? ', release' : ''}`
    default:
      return call.verb
  }
}

const short = (key: string) => key.replace('_dmscdc/s/t/', '').replace(entryKey('_delta_log/', 0).slice(0, -6), 'log/…')

export function valueText(value: Value): string {
  if (value === null) return 'nothing'
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(({ key }) => short(String(key))).join(' ') || 'nothing'
  return 'body' in value ? 'found' : 'the row'
}
