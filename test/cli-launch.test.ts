import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compiledPath, launch, scriptAt } from '../src/cli-launch.ts'
import { newScratch } from './support/lake-fixtures.ts'

/** Runs `main.js` of a bundle of these scripts; what it pushes to `told`. */
function told(scripts: Readonly<Record<string, string>>, code: Readonly<Record<string, Buffer>> = {}): unknown[] {
  const bundle = newScratch()
  mkdirSync(dirname(compiledPath(bundle, 'main.js')), { recursive: true })
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(bundle, name), text)
  for (const [name, bytes] of Object.entries(code)) writeFileSync(compiledPath(bundle, name), bytes)
  const said: unknown[] = []
  Object.assign(globalThis, { told: said })
  launch(bundle, 'main.js')
  return said
}

describe('the scripts of the bundle', () => {
  test('run once, however often they are required, also in a circle', () => {
    const main = `const a = require('./a.js'); told.push(a === require('./a.js'), a.ofB())`
    const a = `exports.own = 'a'; const b = require('./b.js'); exports.ofB = () => b.own + b.ofA()`
    const b = `const a = require('./a.js'); exports.own = 'b'; exports.ofA = () => a.own`
    expect(told({ 'main.js': main, 'a.js': a, 'b.js': b })).toEqual([true, 'ba'])
  })

  test('find modules of Node, and their own place', () => {
    const main = `told.push(require('node:path').basename(__filename), require('node:fs').existsSync(__dirname))`
    expect(told({ 'main.js': main })).toEqual(['main.js', true])
  })

  test('that fail fail again when they are asked again: nobody gets half of one', () => {
    const main = `for (const _ of [1, 2]) try { told.push(require('./half.js')) } catch (error) { told.push(error.message) }`
    const half = `exports.first = 1; throw new Error('no library')`
    expect(told({ 'main.js': main, 'half.js': half })).toEqual(['no library', 'no library'])
  })

  test('run as they are where the code beside them is cut off, of a script of another length, or none', () => {
    const folder = newScratch()
    writeFileSync(join(folder, 'other.js'), 'told.push("another script")')
    const other = scriptAt(join(folder, 'other.js')).createCachedData()
    for (const code of [Buffer.alloc(0), Buffer.from('not code'), other, other.subarray(0, 40)])
      expect(told({ 'main.js': 'told.push("as it is")' }, { 'main.js': code })).toEqual(['as it is'])
  })
})
