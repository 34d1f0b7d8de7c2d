// Bundles src/ into dist/, the pure JavaScript of node_modules included, since a start that reads a few files is twice as fast
// as one that reads hundreds. What brings native code, or is loaded only where it is used and found in a second, stays outside.
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
  external: ['@duckdb/node-bindings', '@aws-sdk/*'],
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: true,
  logLevel: 'warning',
  // For packages in CommonJS that require Node's own modules.
  banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
})
