// Bundles src/ into dist/ with all the JavaScript that it uses, since a start that reads a few files takes a third of one that reads
// hundreds. DuckDB's native module stays outside. What only some runs need is a chunk of its own, read where it is used.
import { rmSync } from 'node:fs'
import { build } from 'esbuild'

rmSync('dist', { recursive: true, force: true })
await build({
  entryPoints: ['src/cli.ts'],
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['@duckdb/node-bindings'],
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: true,
  logLevel: 'warning',
  // For packages in CommonJS that require Node's own modules.
  banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
})
