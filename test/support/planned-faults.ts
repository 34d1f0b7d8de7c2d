/** What is to happen to the calls of a server's operations. */
export type PlannedFaults<Fault> = {
  /** The next calls of an operation end so, one after the other. `forever` repeats the last. */
  fail(operation: string, faults: readonly Fault[], options?: { readonly forever: boolean }): void
  /** What this call ends with; undefined: nothing was planned for it. */
  next(operation: string): Fault | undefined
  clear(): void
}

export function plannedFaults<Fault>(): PlannedFaults<Fault> {
  const planned = new Map<string, Fault[]>()
  const lasting = new Map<string, Fault>()
  return {
    fail(operation, faults, options) {
      planned.set(operation, [...faults])
      const last = faults.at(-1)
      if (options?.forever && last !== undefined) lasting.set(operation, last)
      else lasting.delete(operation)
    },
    next: (operation) => planned.get(operation)?.shift() ?? lasting.get(operation),
    clear() {
      planned.clear()
      lasting.clear()
    },
  }
}
