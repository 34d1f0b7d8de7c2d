import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const src = fileURLToPath(new URL('../../src/', import.meta.url))

/** The actions that IAM asks for, of all the commands of AWS's SDK that src imports. */
export async function requestsInCode(): Promise<string[]> {
  const files = (await readdir(src, { recursive: true })).filter((file) => file.endsWith('.ts'))
  const texts = await Promise.all(files.map((file) => readFile(join(src, file), 'utf8')))
  const imports = texts.flatMap((text) => [...text.matchAll(/import \{([^}]*)\} from '@aws-sdk\/client-(\w+)'/gu)])
  const actions = imports.flatMap(([, names = '', client = '']) =>
    [...names.matchAll(/\b(\w+)Command\b/gu)].map(([, command = '']) => actionOf(client, command)),
  )
  return [...new Set(actions)].filter((action) => action !== 'dynamodb:CreateTable').sort()
}

function actionOf(client: string, command: string): string {
  if (client !== 's3') return `${client}:${command}`
  if (command.startsWith('List')) return 's3:ListBucket'
  if (command === 'AbortMultipartUpload') return 's3:AbortMultipartUpload'
  if (command.startsWith('Delete')) return 's3:DeleteObject'
  return /^(?:Get|Head)/u.test(command) ? 's3:GetObject' : 's3:PutObject'
}
