/** The part of a connection of `@nats-io/transport-node` that is used. */
export interface NatsConnection {
  publish (subject: string, payload?: string, options?: NatsPublishOptions): void
  subscribe (subject: string, options?: { callback?: (error: Error | null, message: NatsMessage) => void }): NatsSubscription
  flush (): Promise<void>
  status (): AsyncIterable<{ readonly type: string }>
  isClosed (): boolean
}

/** `headers`: its own class, which is not imported here; see `headersOf`. */
export interface NatsPublishOptions {
  readonly reply?: string
  readonly headers?: unknown
}

export interface NatsMessage {
  readonly subject: string
  readonly reply?: string | undefined
  readonly headers?: NatsHeaders | undefined
  string (): string
}

export interface NatsHeaders {
  /** A status of the server: 503 where nobody has heard a request. */
  readonly code: number
  get (name: string): string
}

export interface NatsSubscription {
  unsubscribe (): void
}

/** Headers by their names; a value has no line break. */
export type NatsHeaderValues = Readonly<Record<string, string>>

export function headersOf (values: NatsHeaderValues): unknown {
  const lines = Object.entries(values).map(([name, value]) => `${name}: ${value}\r\n`)
  // upstream-private: @nats-io/transport-node MsgHdrs#encode
  return { encode: () => Buffer.from(`NATS/1.0\r\n${lines.join('')}\r\n`) }
}

/** A name as one token of a subject: without dot, asterisk, angle bracket and white space. */
export function tokenOf (name: string): string {
  return encodeURIComponent(name).replaceAll('.', '%2E').replaceAll('*', '%2A')
}
