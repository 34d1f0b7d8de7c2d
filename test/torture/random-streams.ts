import { createHash } from 'node:crypto'
import { type Random, seededRandom } from '../e2e/seeded-random.ts'

/** A stream of its own for each purpose, so that how far one has been used never moves another. */
export type Streams = (purpose: string) => Random

export function randomStreams(seed: number): Streams {
  return (purpose) =>
    seededRandom(
      createHash('sha256')
        .update(`${String(seed)}/${purpose}`)
        .digest()
        .readUInt32BE(),
    )
}
