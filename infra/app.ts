import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { App, Aspects } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { ConfigError, parseDeployment } from './config.ts'
import { addDmsStack } from './stacks/dms-stack.ts'
import { addLakeStack } from './stacks/lake-stack.ts'
import { addNetwork } from './stacks/network-stack.ts'
import { addRunStack } from './stacks/run-stack.ts'
import { addSampleStack } from './stacks/sample-stack.ts'

/** The CDK app: `cdk synth -c config=FILE`, by default dmscdc.json beside this file. Needs no network, account or Docker to synthesise. */
function main(): void {
  const app = new App()
  const file: string = app.node.tryGetContext('config') ?? fileURLToPath(new URL('dmscdc.json', import.meta.url))
  const deployment = parseDeployment(file, textOf(file))
  const network = addNetwork(app, deployment)
  const lake = addLakeStack(app, deployment)
  addRunStack(app, { deployment, network, lake })
  const sample = deployment.sampleDatabase === null ? null : addSampleStack(app, { deployment, network })
  if (deployment.dms !== null) addDmsStack(app, { deployment, settings: deployment.dms, network, lake, sample })
  Aspects.of(app).add(new AwsSolutionsChecks({ verbose: true }))
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new ConfigError(`${file}: found no such file, expected a deployment's JSON`, 'cdk synth -c config=FILE')
  }
}

try {
  main()
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  process.stderr.write(`error: ${error.message}\nTry: ${error.hint}\n`)
  process.exitCode = 2
}
