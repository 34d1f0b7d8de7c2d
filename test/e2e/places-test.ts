import { test as plainTest } from 'vitest'
import { openPlaces, type Places } from './process.ts'

/** A test that has places of its own: a landing with nothing in it, and no lake and no state yet. */
export const test = plainTest.extend<{ places: Places }>({
  places: async ({ task: _ }, use) => {
    const places = openPlaces()
    await use(places)
    places.remove()
  },
})
