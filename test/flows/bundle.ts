import { build } from 'esbuild'

/**
 * What a bundler makes of a module that stands here, for a page or a worker; or for a process,
 * which finds the packages it needs by itself.
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
