import t from 'tap'
import fc from 'fast-check'
import Fastify from 'fastify'
import createError from '@fastify/error'
import { bodyOf, chosen, clientErrorOf, closeOf, cutReason, isAbort, logError } from '../../lib/server/failure.js'

const call = { type: 'history', ref: 7, payload: {} }
const event = { type: 'message', ref: undefined, payload: {} }
const binary = { type: undefined, ref: undefined, payload: Buffer.alloc(1) }

/** An error as applications throw it. */
function failure (statusCode: unknown, more: object = {}): Error {
  return Object.assign(new Error('no such room'), { statusCode }, more)
}

/** Errors that throw when they are looked at. */
function unreadable (): unknown[] {
  const fail = (): never => { throw new Error('do not look') }
  const properties = ['statusCode', 'message', 'code'].map((name) => Object.defineProperty(failure(404), name, { get: fail }))
  const withoutCode = Object.defineProperty(failure(200), 'status', { get: fail })
  return [...properties, withoutCode, new Proxy(failure(404), { get: fail }), new Proxy({}, { getPrototypeOf: fail })]
}

t.test('a body tells the client all of an error that is its own fault', async (t) => {
  t.strictSame(
    bodyOf(failure(404, { code: 'NO_ROOM' }), call),
    { ref: 7, received: 'history', statusCode: 404, code: 'NO_ROOM', error: 'Not Found', message: 'no such room' }
  )
  t.strictSame(bodyOf(failure(403), event), { received: 'message', statusCode: 403, error: 'Forbidden', message: 'no such room' })
  t.strictSame(
    bodyOf(failure(400, { code: 7 }), binary),
    { statusCode: 400, error: 'Bad Request', message: 'no such room' },
    'a code is a text'
  )
  t.strictSame(bodyOf(failure(499), undefined), { statusCode: 499, error: 'Error', message: 'no such room' }, 'a status without a name')
  const Teapot = createError('FST_TEAPOT', 'I am a teapot', 418)
  t.strictSame(bodyOf(new Teapot(), undefined), { statusCode: 418, code: 'FST_TEAPOT', error: 'I\'m a Teapot', message: 'I am a teapot' })
})

t.test('the status of an error is its statusCode, or else its status, as Fastify decides', async (t) => {
  const statuses: ReadonlyArray<readonly [statusCode: unknown, status: unknown, shown: number | undefined]> = [
    [undefined, 404, 404], [200, 404, 404], [null, 404, 404], [NaN, 404, 404], [600, 404, 404], [404, 403, 404],
    [500, 404, undefined], [599, 404, undefined], [undefined, 500, undefined], [undefined, '404', undefined],
    ['403', 404, undefined], [undefined, undefined, undefined], ['missing', 404, 404], [undefined, 404.5, undefined]
  ]
  for (const [statusCode, status, shown] of statuses) {
    const error = Object.assign(new Error('no such room'), { statusCode, status })
    t.equal(clientErrorOf(error)?.statusCode, shown, `statusCode ${String(statusCode)}, status ${String(status)}`)
    const app = Fastify()
    app.get('/', () => { throw error })
    const overHttp = (await app.inject('/')).statusCode
    if (typeof statusCode !== 'string' && Number.isInteger(status)) {
      t.equal(
        overHttp,
        shown ?? (Number(statusCode) >= 400 ? statusCode : status),
        'as over HTTP'
      )
    }
  }
  t.strictSame(
    bodyOf(Object.assign(new Error('gone'), { status: 410 }), call),
    { ref: 7, received: 'history', statusCode: 410, error: 'Gone', message: 'gone' }
  )
  t.strictSame(closeOf(Object.assign(new Error('gone'), { status: 410 })), { code: 4510, reason: 'gone' })
})

t.test('a body tells the client nothing of any other error', async (t) => {
  const internal = { statusCode: 500, code: 'FST_TYPED_WS_INTERNAL', error: 'Internal Server Error', message: 'Internal Server Error' }
  const secrets: readonly unknown[] = [
    new Error('password is hunter2'), failure(500), failure(503), failure(200), failure(399), failure(404.5), failure('404'),
    failure(null), failure(NaN), { statusCode: 404, message: 'not an error' }, 'text', undefined, null, 7, new Proxy({}, {}),
    ...unreadable(), Object.assign(new Error(), { statusCode: 404, message: 5 })
  ]
  for (const secret of secrets) {
    t.equal(clientErrorOf(secret), undefined)
    t.strictSame(bodyOf(secret, call), { ref: 7, received: 'history', ...internal })
    t.strictSame(bodyOf(secret, undefined), internal)
    t.strictSame(closeOf(secret), { code: 1011, reason: '' })
  }
})

t.test('a failure is answered with the error that errorHandler returns or throws, else with the given one', async (t) => {
  const [given, other] = [failure(404), failure(403)]
  t.equal(chosen(other, given).error, other)
  for (const none of [undefined, 'text', { statusCode: 403 }]) t.equal(chosen(none, given).error, given)
  const answer = new Proxy({}, { getPrototypeOf: () => { throw other } })
  t.equal(chosen(answer, given).error, other)
})

t.test('a close after a failed open has the status and message of the error', async (t) => {
  t.strictSame(closeOf(failure(401)), { code: 4501, reason: 'no such room' })
  t.strictSame(closeOf(failure(404)), { code: 4504, reason: 'no such room' })
  t.strictSame(closeOf(failure(499)), { code: 4599, reason: 'no such room' })
})

// RFC 6455 §5.5
t.test('a close reason is cut at 123 bytes, between characters', async (t) => {
  t.equal(cutReason(''), '')
  t.equal(cutReason('a'.repeat(123)), 'a'.repeat(123))
  t.equal(cutReason('a'.repeat(124)), 'a'.repeat(123))
  t.equal(cutReason('é'.repeat(62)), 'é'.repeat(61))
  t.equal(cutReason(`a${'😀'.repeat(31)}`), `a${'😀'.repeat(30)}`)
  t.equal(cutReason(`\ufeff${'a'.repeat(130)}`), `\ufeff${'a'.repeat(120)}`)

  const text = fc.string({
    unit: fc.constantFrom('a', 'é', '€', '😀', '\ufeff', '\u0000', '\u2028', '\ud800', '\udc00'),
    minLength: 20,
    maxLength: 200
  })
  const whole = (reason: string): string => Buffer.from(reason).toString()
  fc.assert(fc.property(text, (reason) => {
    const cut = cutReason(reason)
    const bytes = Buffer.byteLength(cut)
    new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(cut))
    if (Buffer.byteLength(reason) <= 123) return cut === reason
    return whole(reason).startsWith(cut) && bytes <= 123 && bytes > 119
  }), { numRuns: 1000 })
})

t.test('isAbort knows an error that only says that its signal was aborted', async (t) => {
  const controller = new AbortController()
  const abort = Object.assign(new Error('stop'), { name: 'AbortError' })
  t.notOk(isAbort(abort, controller.signal), 'not yet')
  controller.abort()
  t.ok(isAbort(abort, controller.signal))
  t.ok(isAbort(controller.signal.reason, controller.signal))
  for (const other of [new Error('stop'), 'stop', undefined, ...unreadable()]) t.notOk(isAbort(other, controller.signal))
})

t.test('an error that cannot be read is still logged, and a logger that throws ends nothing', async (t) => {
  const hostile: unknown = new Proxy(new Error('seen'), { get: () => { throw hostile } })
  const lines: unknown[] = []
  const log = { error: ({ err }: { err: unknown }, text: string) => { lines.push([err instanceof Error ? err.message : err, text]) } }
  const broken = { error: () => { throw new Error('the destination is closed') } }
  logError(log as never, 'error', new Error('plain'), 'handler failed')
  logError(log as never, 'error', hostile, 'handler failed')
  logError(broken as never, 'error', new Error('plain'), 'handler failed')
  t.same(lines, [['plain', 'handler failed'], ['an error that cannot be read', 'handler failed, and its error cannot be logged']])
})
