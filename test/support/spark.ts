import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { askPython } from './engines.ts'
import { installedOnce, orSkipped } from './install-once.ts'

const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))
const requirementsFile = join(here, 'requirements-spark.txt')

/** Asks `spark.py`: one Spark for all that is asked. */
export type Spark = (reads: unknown) => Promise<readonly unknown[]>

export async function openSpark(): Promise<Spark | null> {
  const spark = await installedSpark()
  if (spark === null) return null
  const environment = { ...process.env, ...spark.environment }
  return (reads) => askPython('python3', [join(here, 'spark.py'), spark.jars], reads, environment)
}

/**
 * Spark with Delta Lake: what `python3` needs to import it, and the folder of Delta's jars. It needs Java 17 and Maven. Null, with one loud
 * line, where it cannot be had; under CI that is an error.
 */
export function installedSpark() {
  return orSkipped('Spark', async () => {
    const { pyspark, delta } = versionsOf(await readFile(requirementsFile, 'utf8'))
    const home = await installedOnce(`spark-${pyspark}-delta-${delta}`, (folder) => install(folder, delta))
    await run('java', ['-version'])
    const environment = { PYTHONPATH: join(home, 'python'), SPARK_LOCAL_IP: '127.0.0.1' }
    return { environment, jars: join(home, 'jars') }
  })
}

function versionsOf(requirements: string): { readonly pyspark: string; readonly delta: string } {
  const version = (name: string) => new RegExp(`^${name}==(.+)$`, 'mu').exec(requirements)?.[1] as string
  return { pyspark: version('pyspark'), delta: version('delta-spark') }
}

async function install(folder: string, deltaVersion: string): Promise<void> {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', join(folder, 'python')]
  await run('python3', [...pip, '-r', requirementsFile])
  await writeFile(join(folder, 'pom.xml'), projectWith(deltaVersion))
  const jars = [`-DoutputDirectory=${join(folder, 'jars')}`, '-DincludeGroupIds=io.delta']
  await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', ...jars], { cwd: folder })
}

function projectWith(version: string): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dmscdc</groupId><artifactId>spark-reader</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>io.delta</groupId><artifactId>delta-spark_2.13</artifactId><version>${version}</version></dependency>
  </dependencies>
</project>
`
}
