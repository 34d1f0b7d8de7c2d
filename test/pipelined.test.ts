import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { DmscdcError } from '../src/errors.ts'
import { pipelined } from '../src/lake/in-parallel.ts'

type Seen = { readonly events: string[]; underWay: number; most: number }

/** Items take as long as their number says, so that later ones are ready before those in front of them. */
function watched(seen: Seen, weightMax: number, failing: { begin?: number; end?: number } = {}, endingMax = 1) {
  return {
    weightMax,
    endingMax,
    weightOf: (item: number) => item,
    begin: async (item: number, at: number) => {
      seen.most = Math.max(seen.most, ++seen.underWay)
      seen.events.push(`begin ${String(at)}`)
      await sleep(item)
      if (item === failing.begin) throw new Error(`begin of ${String(item)}`)
      return item
    },
    end: async (item: number) => {
      await sleep(1)
      seen.events.push(`end ${String(item)}`)
      const ending = async () => {
        await sleep(item)
        seen.underWay--
        if (item === failing.end) throw new Error(`end of ${String(item)}`)
        seen.events.push(`ended ${String(item)}`)
        return item * 10
      }
      return { ending: ending() }
    },
  }
}

const nothingSeen = (): Seen => ({ events: [], underWay: 0, most: 0 })

describe('a pipeline', () => {
  test('begins items together as far as their weight allows, and ends them in their order', async () => {
    const seen = nothingSeen()
    expect(await pipelined([20, 5, 10, 2], watched(seen, 30))).toEqual([200, 50, 100, 20])
    expect(seen.events.slice(0, 2)).toEqual(['begin 0', 'begin 1'])
    expect(seen.events.filter((event) => event.startsWith('end '))).toEqual(['end 20', 'end 5', 'end 10', 'end 2'])
    expect(seen.most).toBe(3)
  })

  test('begins the heaviest before the others where all may be under way at once, and still ends them in their order', async () => {
    const seen = nothingSeen()
    expect(await pipelined([5, 10, 20], watched(seen, 35))).toEqual([50, 100, 200])
    expect(seen.events.filter((event) => !event.startsWith('ended'))).toEqual([
      'begin 2',
      'begin 0',
      'begin 1',
      'end 5',
      'end 10',
      'end 20',
    ])
  })

  test('has no more on their way to their end than it is told to, and lets them come there in any order', async () => {
    const seen = nothingSeen()
    expect(await pipelined([30, 5, 10, 2], watched(seen, 100, {}, 2))).toEqual([300, 50, 100, 20])
    expect(seen.events.filter((event) => event.startsWith('end'))).toEqual([
      'end 30',
      'end 5',
      'ended 5',
      'ended 30',
      'end 10',
      'end 2',
      'ended 2',
      'ended 10',
    ])
  })

  test('takes an item that is heavier than all may be alone', async () => {
    const seen = nothingSeen()
    expect(await pipelined([20, 30, 1], watched(seen, 10))).toEqual([200, 300, 10])
    expect(seen.most).toBe(1)
  })

  test('tells of several errors the one behind which something may have happened', async () => {
    const ends = async (item: number) => ({
      ending: sleep(item).then(() => {
        throw new DmscdcError('unavailable', `end of ${String(item)}`, { hint: '', maybeApplied: item === 20 })
      }),
    })
    const pipeline = { ...watched(nothingSeen(), 100, {}, 3), end: ends }
    await expect(pipelined([5, 20, 10], pipeline)).rejects.toThrow('end of 20')
  })

  test.each([
    [{ begin: 5 }, 'begin of 5'],
    [{ end: 20 }, 'end of 20'],
    [{ begin: 10, end: 5 }, 'end of 5'],
  ])(
    'tells the first error %j when nothing is under way any more, and begins nothing behind it',
    async (failing, told) => {
      const seen = nothingSeen()
      const { begin, ...rest } = watched(seen, 25, failing)
      let begun = 0
      const counted = async (item: number, at: number) => {
        begun++
        try {
          return await begin(item, at)
        } finally {
          begun--
        }
      }
      await expect(pipelined([20, 5, 10, 30], { ...rest, begin: counted })).rejects.toThrow(told)
      expect(begun).toBe(0)
      expect(seen.events).not.toContain('begin 3')
    },
  )
})
