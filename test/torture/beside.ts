/** Something that goes on, again and again, until it is stopped. */
export type Beside = {
  hasFailed(): boolean
  /** Lets the present round end. Throws what a round threw. */
  stop(): Promise<void>
}

export function again(round: () => Promise<void>): Beside {
  let isStopped = false
  let failure: { readonly error: unknown } | null = null
  const ended = (async () => {
    while (!isStopped) await round()
  })().catch((error: unknown) => {
    failure = { error }
  })
  return {
    hasFailed: () => failure !== null,
    async stop() {
      isStopped = true
      await ended
      if (failure !== null) throw failure.error
    },
  }
}
