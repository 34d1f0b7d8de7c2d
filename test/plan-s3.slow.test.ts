import { afterAll, describe } from 'vitest'
import { provenObjects } from '../src/objects/proven-objects.ts'
import { s3Objects } from '../src/objects/s3-objects.ts'
import { test } from './support/lab-test.ts'
import { expectCaseToHold, planBed } from './support/plan-bed.ts'
import { planCases } from './support/plan-cases.ts'
import { newBucket, s3Servers } from './support/s3-servers.ts'

const server = await s3Servers.VersityGW?.()

describe.skipIf(!server)('on S3', () => {
  if (!server) return
  afterAll(() => server.stop())

  test.for(Object.entries(planCases))(
    '%s is planned as it is run, the proof of the endpoint included',
    async ([, steps], { lab }) => {
      const scratchDir = `${lab.folder}/fetched`
      const landing = s3Objects(server.client, { bucket: await newBucket(server.client), prefix: 'dms', scratchDir })
      const store = s3Objects(server.client, { bucket: await newBucket(server.client), prefix: '', scratchDir })
      // Each command is a process of its own, and asks again whether its endpoint is proven.
      const lake = () => provenObjects({ store, endpoint: () => server.endpoint, newId: lab.ports.newId })
      await expectCaseToHold(planBed(lab, { landing, lake: lake() }), steps, {
        portsOf: (ports) => ({ ...ports, lake: lake() }),
      })
    },
  )
})
