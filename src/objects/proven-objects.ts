import type { ObjectStore } from './object-store.ts'
import { type ProofRequest, proveConditionalPut } from './prove-conditional-put.ts'

/** The same store; its endpoint's conditional put is proven, once per lake, before anything is put. What fails is asked again. */
export function provenObjects(request: ProofRequest): ObjectStore {
  const { store } = request
  const { foresight } = store
  let proof: Promise<void> | null = null
  return {
    ...store,
    ...(foresight && {
      foresight: { ...foresight, around: (other) => provenObjects({ ...request, store: foresight.around(other) }) },
    }),
    async put(key, body, condition) {
      proof ??= proveConditionalPut(request).catch((thrown: unknown) => {
        proof = null
        throw thrown
      })
      await proof
      return store.put(key, body, condition)
    },
  }
}
