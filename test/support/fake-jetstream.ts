import type { NatsConnection } from '../../lib/brokers/nats.js'

type Message = Parameters<NonNullable<NonNullable<Parameters<NatsConnection['subscribe']>[1]>['callback']>>[1]
type Callback = (error: Error | null, message: Message) => void

/** A request, as JetStream gets it: `body` of one to the API, the text of any other. */
export interface FakeRequest {
  readonly subject: string
  readonly body: Readonly<Record<string, unknown>>
  readonly text: string
  readonly headers: string
  readonly reply: string
}

/** Answers a request: with an object, an `err_code`, or not at all. */
export type FakeAnswer = (request: FakeRequest) => object | number | undefined

/** The answer of a NATS in which nobody hears the subject. */
export const NO_RESPONDERS = 503

/** A connection to a NATS that exists only here; each answer of its JetStream is scripted. */
export class FakeJetStream implements NatsConnection {
  readonly requests: FakeRequest[] = []
  readonly #callbacks = new Map<string, Callback>()
  readonly #answers = new Map<string, FakeAnswer>()
  publishError: Error | undefined

  /** @param name - of the API, without the name of the stream; or the beginning of a subject. */
  on (name: string, answer: FakeAnswer): void {
    this.#answers.set(name, answer)
  }

  publish (subject: string, text: string = '', { reply, headers }: { reply?: string, headers?: unknown } = {}): void {
    if (reply === undefined) return
    if (this.publishError !== undefined) throw this.publishError
    const written = headers === undefined ? '' : (headers as { encode (): Buffer }).encode().toString()
    const body = subject.startsWith('$JS.API.') ? JSON.parse(text) as FakeRequest['body'] : {}
    const request = { subject: subject.replace('$JS.API.', ''), text, body, headers: written, reply }
    this.requests.push(request)
    setImmediate(() => this.#answer(request))
  }

  subscribe (subject: string, { callback }: { callback?: Callback } = {}): { unsubscribe (): void } {
    this.#callbacks.set(subject, callback!)
    return { unsubscribe: () => { this.#callbacks.delete(subject) } }
  }

  /** Sends a message, with headers by their names, or an error. */
  send (subject: string, text: string, headers?: Readonly<Record<string, string>>, reply?: string, error: Error | null = null): void {
    const callback = this.#callbacks.get(subject) ?? this.#callbacks.get(subject.replace(/[^.]+$/, '*'))
    const code = headers?.['code'] === undefined ? 0 : Number(headers['code'])
    callback?.(error, { subject, reply, headers: headers && { code, get: (name: string) => headers[name] ?? '' }, string: () => text })
  }

  callbackOf (subject: string): Callback {
    return this.#callbacks.get(subject)!
  }

  async flush (): Promise<void> {}

  async * status (): AsyncGenerator<{ type: string }> {
    yield await new Promise<{ type: string }>(() => {})
  }

  isClosed (): boolean {
    return false
  }

  #answer (request: FakeRequest): void {
    const name = Array.from(this.#answers.keys()).find((beginning) => request.subject.startsWith(beginning))
    const answer = name === undefined ? NO_RESPONDERS : this.#answers.get(name)!(request)
    if (answer === undefined) return
    if (answer === NO_RESPONDERS) return this.send(request.reply, '', { code: '503' })
    const result = typeof answer === 'number' ? { error: { err_code: answer, description: `error ${answer}` } } : answer
    this.send(request.reply, JSON.stringify(result))
  }
}
