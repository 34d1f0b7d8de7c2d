import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import type { Mutant } from './mutants.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The model as one file that Node runs, over the code as it is, or with one defect. */
export async function bundleModel(mutant: Mutant | null, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(root, 'test/model/model.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
    logLevel: 'warning',
    plugins: mutant === null ? [] : [spoil(mutant)],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
}

/** Throws where the text is not there once: then the code has changed and the mutant has to follow. */
function spoil({ file, from, to }: Mutant): Plugin {
  const path = join(root, 'src', file)
  const parts = readFileSync(path, 'utf8').split(from)
  if (parts.length !== 2) throw new Error(`src/${file} has ${String(parts.length - 1)} places to spoil, expected one`)
  return {
    name: 'spoil',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path: loaded }) =>
        loaded === path ? { contents: parts.join(to), loader: 'ts' } : null,
      )
    },
  }
}
