// Bundles src/ into dist/ with all the JavaScript that it uses, since a start that reads a few files takes a third of one that reads
// hundreds. DuckDB's native module stays outside. What only some runs need is a chunk of its own, read where it is used. Beside each
// chunk lies the code that V8 makes of it: compiling it takes longer than a small merge's statements (docs/decisions/0019).
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { build, transform } from 'esbuild'

const dist = fileURLToPath(new URL('dist', import.meta.url))
const common = { platform: 'node', target: 'node20', minifySyntax: true, minifyWhitespace: true }

rmSync(dist, { recursive: true, force: true })
mkdirSync(dist)
await bundle()
compile()

/** esbuild splits modules of ECMAScript alone; V8 keeps the code of scripts alone. So each chunk becomes a module in CommonJS afterwards. */
async function bundle() {
  const { outputFiles } = await build({
    ...common,
    entryPoints: ['src/cli.ts'],
    outdir: dist,
    bundle: true,
    splitting: true,
    format: 'esm',
    external: ['@duckdb/node-bindings-*'],
    define: { 'import.meta.url': '__url' },
    sourcemap: 'inline',
    write: false,
    logLevel: 'warning',
  })
  const hash = createHash('sha256')
  for (const { path, text } of outputFiles) hash.update(await writeCommon(path, text))
  const define = { __build: JSON.stringify(hash.digest('hex').slice(0, 16)) }
  await writeCommon(join(dist, 'cli-launch.js'), readFileSync('src/cli-launch.ts', 'utf8'), { loader: 'ts', define })
  writeFileSync(join(dist, 'package.json'), '{ "type": "commonjs" }\n')
}

async function writeCommon(path, text, options = {}) {
  const url = text.includes('__url') ? 'const __url=require("node:url").pathToFileURL(__filename).href;' : ''
  const { code, map } = await transform(text, {
    ...common,
    ...options,
    format: 'cjs',
    supported: { 'dynamic-import': false },
    sourcemap: 'external',
    banner: `"use strict";${url}`,
  })
  writeFileSync(path, `${code}//# sourceMappingURL=${basename(path)}.map\n`)
  writeFileSync(`${path}.map`, map)
  return code
}

/** All functions, not just those that run at once. V8 takes code under the flags alone under which it was kept: those of any start. */
function compile() {
  const { compiledPath, scriptAt } = createRequire(import.meta.url)(join(dist, 'cli-launch.js'))
  mkdirSync(dirname(compiledPath(dist, '')), { recursive: true })
  for (const name of readdirSync(dist).filter((name) => name.endsWith('.js') && name !== 'cli-launch.js')) {
    setFlagsFromString('--no-lazy')
    const script = scriptAt(join(dist, name))
    setFlagsFromString('--lazy')
    writeFileSync(compiledPath(dist, name), script.createCachedData())
  }
}
