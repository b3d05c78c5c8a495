import { build } from 'esbuild'

/**
 * Bundles a module that stands in this folder: for a page or a worker with all it imports, for a
 * process without packages, which the process finds by itself.
 */
export async function bundle (source: string, platform: 'browser' | 'node' = 'browser'): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, loader: 'ts', resolveDir: import.meta.dirname },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform,
    packages: platform === 'node' ? 'external' : 'bundle',
    write: false
  })
  return outputFiles[0]!.text
}
