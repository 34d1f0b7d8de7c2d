import type { ObjectStore } from '../../src/objects/object-store.ts'

/** The same store, whose listings of all keys come in smaller pages. Those of folders are as they were. */
export function smallPages(store: ObjectStore, keysMax: number): ObjectStore {
  return {
    ...store,
    async list(options) {
      const page = await store.list(options)
      const objects = page.objects.slice(0, keysMax)
      if (options.delimiter !== undefined || objects.length === page.objects.length) return page
      return { ...page, objects, next: objects.at(-1)?.key ?? null }
    },
  }
}
