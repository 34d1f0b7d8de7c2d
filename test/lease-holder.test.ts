import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { Lease } from '../src/domain.ts'
import { processHolder } from '../src/state/holder.ts'
import { theirs } from './support/lease-script.ts'

describe('the holder of a lease', () => {
  const holder = processHolder()
  const leaseOf = (self: Pick<Lease, 'host' | 'pid' | 'processStartedMs'>): Lease => ({ ...theirs, ...self })

  it('is alive as long as its process runs, and dead from then on', async () => {
    expect(await holder.probe(leaseOf(holder.self))).toBe('alive')
    const script = `import('${new URL('../src/state/holder.ts', import.meta.url)}').then((m) => console.log(JSON.stringify(m.processHolder().self))); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [text] = await once(child.stdout, 'data')
    const lease = leaseOf(JSON.parse(String(text)))
    expect(await holder.probe(lease)).toBe('alive')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await holder.probe(lease)).toBe('dead')
  })

  it('is dead where its pid is another process now, and unknown on another host', async () => {
    expect(await holder.probe(leaseOf({ ...holder.self, processStartedMs: holder.self.processStartedMs - 10 }))).toBe(
      'dead',
    )
    expect(await holder.probe(leaseOf({ ...holder.self, host: 'elsewhere' }))).toBe('unknown')
  })
})
