import type { AnyContract } from '../../types/contract.js'
import { isFinal } from '../protocol.js'

type Row = readonly [code: number, when: string]

/** The close codes of contracts; those that not all of them have say whose they are. */
export function declaredCodes (contracts: readonly AnyContract[]): Row[] {
  const rows = new Map<string, { readonly code: number, readonly when: string, readonly names: Set<string> }>()
  for (const { name, closeCodes } of contracts) {
    for (const [code, when] of Object.entries(closeCodes)) {
      const row = rows.get(`${code} ${when}`) ?? { code: Number(code), when, names: new Set() }
      rows.set(`${code} ${when}`, row)
      row.names.add(`\`${name}\``)
    }
  }
  const all = new Set(contracts.map(({ name }) => name))
  return Array.from(rows.values(), ({ code, when, names }) => {
    return [code, names.size === all.size ? when : `${when} (${[...names].join(', ')})`] as const
  })
}

/** A table of close codes in Markdown. */
export function tableOf (codes: ReadonlyArray<readonly [code: number, when: string]>): string {
  const rows = codes.map(([code, when]) => `| ${code} | ${cell(when)} | ${isFinal(code) ? 'stays away' : 'comes back'} |`)
  return ['| close code | when | a client |', '| --- | --- | --- |', ...rows].join('\n')
}

function cell (markdown: string): string {
  return markdown.trim().replaceAll(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')
}
