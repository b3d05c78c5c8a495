import type { References } from '../../schema/references.js'
import type { ObjectSubschema } from '../../schema/subschema.js'
import { buildOf, findBuilds, type Build, type Namespace } from './builds.js'
import type { Check, Line } from './line.js'
import { loadCurrent } from './typebox-current.js'
import { loadLegacy } from './typebox-legacy.js'
import type { Vocabulary } from './vocabulary.js'

/** The lines of TypeBox that are installed, and everything that the app registered in them. */
export interface TypeBox {
  readonly builds: readonly Build[]
  /**
   * Compiles a check; `undefined` when no line of TypeBox made the schema, or its compiler does not
   * look at everything that the schema asks for.
   */
  compile (references: References, vocabulary: Vocabulary): Check | undefined
}

/**
 * Finds the lines of TypeBox that are installed: both are optional peer dependencies.
 * @param given - the builds whose registries count. Default: all that are found.
 */
export async function loadTypeBox (
  given?: readonly Namespace[],
  importLegacy: () => Promise<Line> = loadLegacy,
  importCurrent: () => Promise<Line> = loadCurrent
): Promise<TypeBox> {
  const found = await Promise.all([importCurrent().catch(ignoreMissing), importLegacy().catch(ignoreMissing)])
  const lines = found.filter((line) => line !== undefined)
  return {
    builds: given?.map(buildOf) ?? [...lines.map(({ build }) => build), ...await findBuilds()],
    compile: (references, vocabulary) => {
      const line = lines.find(({ made }) => made(references.root))
      return line && compileBy(line, references, vocabulary)
    }
  }
}

/** @throws unless the package is not installed. */
function ignoreMissing (error: unknown): undefined {
  const { code, message } = Object(error) as { code?: unknown, message?: unknown }
  if (!MISSING.has(code) || !NOT_INSTALLED.test(String(message))) throw error
}

// The second is the code in a bundle that is a CommonJS module.
const MISSING = new Set<unknown>(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'])
// A file that is missing within the package is named by its path.
const NOT_INSTALLED = /Cannot find (?:package|module) ['"](?:@sinclair\/)?typebox/

function compileBy (line: Line, references: References, vocabulary: Vocabulary): Check | undefined {
  if (vocabulary.isAjvs || references.reachable().some((part) => line.isBeyond(part) || isAjvs(part, vocabulary))) return undefined
  try {
    return line.compile(references.root, vocabulary)
  } catch {
    // Type.Unsafe of a foreign JSON Schema is beyond a compiler.
    return undefined
  }
}

function isAjvs ({ schema }: ObjectSubschema, vocabulary: Vocabulary): boolean {
  return schema['nullable'] === true || Object.keys(schema).some((name) => vocabulary.isAjvKeyword(name))
}
