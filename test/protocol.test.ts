// Knowledge of the wire that stands in several places, held together.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { protocolCloseCodes } from '../lib/close-codes.js'
import { CloseCode, isFinal, readRetryAfter, writeRetryAfter } from '../lib/protocol.js'

interface Row { readonly codes: number[], readonly client: string }

/** The rows of a page's table of close codes: its codes, and what a client does after one. */
function closeCodesOf (page: string): Row[] {
  const lines = readFileSync(join(import.meta.dirname, '../docs', page), 'utf8').split('\n')
  return lines.filter((line) => /^\| \d{4}[\s,–]/.test(line)).map((line) => {
    const [codes, , client] = line.split('|').slice(1).map((cell) => cell.trim()) as [string, string, string]
    return { codes: codes.split(/, (?:other )?/).flatMap(codesOf), client }
  })
}

// A range such as 4500–4999 stands for all of its codes.
function codesOf (text: string): number[] {
  const [first = 0, last = first] = text.split('–').map(Number)
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

t.test('the table of close codes in docs/PROTOCOL.md is complete and right', async (t) => {
  const rows = closeCodesOf('PROTOCOL.md')
  const actions = new Map<number, string>()
  for (const { codes, client } of rows) for (const code of codes) if (!actions.has(code)) actions.set(code, client)
  const { refusedBase, ...named } = CloseCode

  t.test('the table has every code that the server uses', async (t) => {
    for (const code of [
      ...Object.values(named),
      refusedBase + 400,
      refusedBase + 499
    ]) t.ok(actions.has(code), `${code} stands in the table`)
  })

  t.test('the table tells of each code whether a client stays closed, as the client decides it', async (t) => {
    t.ok(actions.size > 2000)
    const wrong = [...actions].filter(([code, client]) => stays(client) !== isFinal(code))
    t.same(wrong, [], 'no code differs')
  })

  t.test('the table says the same as the one in docs/reconnecting.md', async (t) => {
    const others = closeCodesOf('reconnecting.md').flatMap(({ codes, client }) => codes.map((code) => ({ code, client })))
    t.ok(others.length > 500)
    const wrong = others.filter(({ code, client }) => actions.has(code) && stays(client) !== stays(actions.get(code)!))
    t.same(wrong, [], 'no code differs')
    t.same(others.filter(({ code }) => !actions.has(code)), [], 'and none is unknown there')
  })
})

t.test('documents and the console know every close code of the protocol', async (t) => {
  // Of every WebSocket; never sent; no code, but what is added to a status.
  const others: number[] = [CloseCode.normal, CloseCode.abnormal, CloseCode.refusedBase]
  const own = Object.values(CloseCode).filter((code) => !others.includes(code))
  t.same(protocolCloseCodes.map(([code]) => code), own.toSorted((one, other) => one - other))
})

t.test('a time to come back is read as it was written', async (t) => {
  for (const ms of [1, 30, 999_999_999]) t.equal(readRetryAfter(writeRetryAfter(ms)), ms)
})

t.test('a time to come back that is too long for the wire is written as the longest one', async (t) => {
  t.equal(readRetryAfter(writeRetryAfter(2 ** 31 - 1)), 999_999_999)
})

function stays (action: string): boolean {
  return action.startsWith('stays closed')
}
