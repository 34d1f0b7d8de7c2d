import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Script } from 'node:vm'

/** Runs a script of the bundle, and those that it requires, from the code that V8 made of them when they were built. */
export function launch(bundle: string, entry: string): void {
  const outside = createRequire(join(bundle, entry))
  const loaded = new Map<string, { exports: unknown }>()
  const load = (name: string): unknown => {
    const known = loaded.get(name)
    if (known !== undefined) return known.exports
    const module = { exports: {} }
    loaded.set(name, module)
    const require = (id: string) => (id.startsWith('./') ? load(id.slice(2)) : outside(id))
    const path = join(bundle, name)
    try {
      scriptAt(path, compiled(bundle, name)).runInThisContext()(module.exports, require, module, path, bundle)
    } catch (error) {
      // Who asks again gets the error again, not half of the script.
      loaded.delete(name)
      throw error
    }
    return module.exports
  }
  load(entry)
}

const opening = '(function(exports,require,module,__filename,__dirname){'

/** A script, wrapped as Node wraps modules in CommonJS. Code that does not belong to it is left aside. */
export function scriptAt(path: string, cachedData?: Buffer): Script {
  const source = `${opening}${readFileSync(path, 'utf8')}\n})`
  return new Script(source, { filename: path, columnOffset: -opening.length, ...(cachedData && { cachedData }) })
}

/** None of a build by another version of Node: then V8 compiles, as it would for any script. */
function compiled(bundle: string, name: string): Buffer | undefined {
  try {
    return readFileSync(compiledPath(bundle, name))
  } catch {
    return undefined
  }
}

/** Set by the build: what names all of its scripts as they are. */
declare const __build: string | undefined
const build = typeof __build === 'undefined' ? 'none' : __build

/**
 * V8's code for a script of the bundle: that of another version, or for another processor, is none for this one. Nor is that of another
 * build: of a script V8 compares the length alone.
 */
export function compiledPath(bundle: string, name: string): string {
  return join(bundle, 'compiled', `${process.version}-${process.arch}-${build}`, `${name}.v8`)
}
