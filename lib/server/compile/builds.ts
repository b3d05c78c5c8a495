// webpack replaces calls of `createRequire` that it finds by that name.
import nodeModule from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

export type KindCheck = (schema: unknown, value: unknown) => boolean
export type FormatCheck = (value: string) => boolean

/** A registry of TypeBox. */
export interface Registry<Check> {
  Get (name: string): Check | undefined
}

/**
 * A build of TypeBox in this process. No other build knows the kinds and formats that the app
 * registered in it.
 */
export interface Build {
  /** The registry of kinds, which 0.34 alone has. */
  readonly kinds: Registry<KindCheck> | undefined
  readonly formats: Registry<FormatCheck> | undefined
  /** The formats the build has by itself. */
  readonly defaults: ReadonlySet<unknown>
}

/**
 * A value of the option `typebox`: the namespace of a build, `require('@sinclair/typebox')` say, or
 * the `Format` of typebox/format.
 */
export type Namespace = Readonly<Record<string, unknown>>

const LEGACY = '@sinclair/typebox'
const CURRENT = 'typebox/format'

/** Reads a namespace of either line. A registry that it lacks is `undefined`. */
export function buildOf (namespace: Namespace): Build {
  const format = (namespace['FormatRegistry'] ?? namespace['Format'] ?? namespace) as Registry<FormatCheck> & Namespace
  return {
    kinds: namespace['TypeRegistry'] as Registry<KindCheck> | undefined,
    formats: typeof format.Get === 'function' ? format : undefined,
    defaults: new Set(Object.values(format))
  }
}

/**
 * Every build that this process has loaded by `require`, and the builds that the app would import:
 * from its main file, and from its directory.
 */
export async function findBuilds (): Promise<Build[]> {
  const imported = [...new Set([...located(LEGACY).map(esModuleOf), ...located(CURRENT)])]
  const namespaces = await Promise.all(imported.map(importFrom))
  return [...required(), ...namespaces].map(buildOf)
}

// webpack would look for the path among the modules of its bundle.
async function importFrom (path: string): Promise<Namespace> {
  return await import(/* webpackIgnore: true */ pathToFileURL(path).href) as Namespace
}

// A CommonJS module registers in the CommonJS build, wherever that lies: `require` keeps a list of
// all modules that it loaded.
function required (): Namespace[] {
  const { cache } = requireFrom(process.cwd())
  const registries = Object.keys(cache).filter((path) => FORMAT_REGISTRY.test(path))
  return registries.map((path) => {
    const kinds = cache[join(dirname(path), 'type.js')]
    return { FormatRegistry: cache[path]!.exports as unknown, TypeRegistry: kinds?.exports as unknown }
  })
}

// upstream-private: @sinclair/typebox build/cjs/type/registry
const FORMAT_REGISTRY = /[\\/]typebox[\\/]build[\\/]cjs[\\/]type[\\/]registry[\\/]format\.js$/

function located (specifier: string): string[] {
  const places = [process.argv[1], process.cwd()].filter((place) => place !== undefined)
  return places.flatMap((place) => locate(specifier, place) ?? [])
}

function locate (specifier: string, place: string): string | undefined {
  try {
    return requireFrom(place).resolve(specifier)
  } catch {
    // The package is not installed there, or is of another version.
    return undefined
  }
}

// A path may be a directory or a file: 'index.js' behind it stands for a file in either.
function requireFrom (place: string): NodeJS.Require {
  return nodeModule.createRequire(join(place, 'index.js'))
}

function esModuleOf (path: string): string {
  return path.replace(/cjs([\\/])index\.js$/, 'esm$1index.mjs')
}
