import type { ObjectStore } from './object-store.ts'
import { type ProofRequest, proveConditionalPut } from './prove-conditional-put.ts'
import { currentLedger, onLedger } from './request-ledger.ts'

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
      const charged = onLedger(currentLedger(), store)
      proof ??= proveConditionalPut({ ...request, store: charged }).catch((thrown: unknown) => {
        proof = null
        throw thrown
      })
      await proof
      return charged.put(key, body, condition)
    },
  }
}
