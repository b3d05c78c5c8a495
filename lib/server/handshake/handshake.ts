import type { OutgoingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as errors from '../errors.js'
import { printable } from '../printable.js'
import type { Observer } from '../stats.js'
import { kHandshake, kInjected, kUpgrade } from '../symbols.js'
import type { ServerWebSocket } from '../transport/websocket.js'
import { refuseByClose } from './close-refusal.js'
import type { ConnectionLimit } from './connection-limit.js'
import type { OriginVerdict } from './origin.js'
import type { Upgrade, UpgradeRequest } from './request.js'
import { HandshakeResponse, type ResponseOwner } from './response.js'
import { destroyAfter, CLOSE_AFTER_MS } from './stream.js'
import { isOfferOf, offersRefusal } from './subprotocol.js'
import { headerLines, type ProtocolSwitcher } from './switch-protocols.js'

/** The route of a handshake. */
export interface HandshakeRoute {
  /** The names of the contract and of its older versions. */
  readonly subprotocols: readonly string[]
  readonly rejectWith: 'auto' | 'http' | 'close'
  readonly timeoutMs: number
  readonly switcher: ProtocolSwitcher
  readonly isHost: (request: FastifyRequest) => boolean
  readonly checkOrigin: (request: FastifyRequest) => OriginVerdict | Promise<OriginVerdict>
  readonly observer: Observer
  /** The 101 is out. */
  connect (ws: ServerWebSocket, stream: Duplex, request: FastifyRequest): void
}

/** The plugin, as far as its handshakes need it. */
export interface HandshakeHost {
  /** Those under way. */
  readonly handshakes: Set<Handshake>
  readonly connectionLimit: ConnectionLimit
}

/** A raw request, which carries its handshake until the 101 is out. */
export type HandshakeRequest = UpgradeRequest & { [kHandshake]?: Handshake | undefined }

type InjectedStream = Duplex & { readonly [kInjected]?: true }

const RETRY_AFTER_SECONDS = 1

/**
 * One upgrade on its way through Fastify's hooks, until its 101 or its refusal. Its states are in
 * `response.ts`.
 */
export class Handshake implements ResponseOwner {
  readonly #route: HandshakeRoute
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #upgrade: Upgrade
  readonly #host: HandshakeHost
  readonly #response: HandshakeResponse
  #timeout: NodeJS.Timeout | undefined = undefined
  #isFinished = false
  // The cause of a refusal, where a hook threw one.
  #error: unknown = undefined
  #releasePlace: (() => void) | undefined = undefined

  constructor (route: HandshakeRoute, request: FastifyRequest, reply: FastifyReply, host: HandshakeHost) {
    const raw: HandshakeRequest = request.raw
    raw[kHandshake] = this
    this.#route = route
    this.#request = request
    this.#reply = reply
    this.#upgrade = raw[kUpgrade]!
    this.#host = host
    this.#response = new HandshakeResponse(reply, isRefusedByClose(route, raw), this)
  }

  /**
   * Checks the client before any hook of the app runs.
   * @throws FST_TYPED_WS_HOST_REFUSED, FST_TYPED_WS_ORIGIN_REFUSED, FST_TYPED_WS_ORIGIN_MISSING,
   * FST_TYPED_WS_UNKNOWN_SUBPROTOCOL, FST_TYPED_WS_TOO_MANY_CONNECTIONS,
   * FST_TYPED_WS_TOO_MANY_CONNECTIONS_PER_IP, by rejecting
   * @returns undefined where the client may pass and nothing is waited for.
   */
  check (): Promise<void> | undefined {
    try {
      if (!this.#route.isHost(this.#request)) throw this.#withStatus(hostRefusal(this.#request))
      const verdict = this.#route.checkOrigin(this.#request)
      if (typeof verdict === 'object') return verdict.then((verdict) => this.#admit(verdict))
      this.#admit(verdict)
      return undefined
    } catch (error) {
      // A function of the app may throw anything: Fastify takes a throw of nothing for a yes.
      return Promise.reject(error)
    }
  }

  /**
   * Expects the rest of the handshake, where it goes on in a later turn: sees to its time, to a
   * client that leaves and to a shutdown. Most handshakes end within one turn, and need none of it.
   */
  watch (): void {
    if (this.#isFinished) return
    this.#timeout = setTimeout(() => this.abort(new errors.HandshakeTimeout()), this.#route.timeoutMs)
    this.#host.handshakes.add(this)
    this.#addListeners()
  }

  /** Answers with the 101, as a reply like any other. */
  accept (): void {
    this.#response.accept()
  }

  /** Ends a handshake whose hooks take too long, or for which there is no time left. */
  abort (error: InstanceType<typeof errors.HandshakeTimeout>): void {
    const { stream } = this.#upgrade
    try {
      if (!this.#reply.sent && !this.#reply.raw.headersSent) this.#askToRetry().send(this.#withStatus(error))
    } catch {
      // While an onError hook runs Fastify takes no other answer.
      stream.destroy()
    }
    // The hooks of this very answer may hang as well.
    destroyAfter(stream, CLOSE_AFTER_MS)
  }

  /** Notes the cause of the refusal that follows. */
  noteError (error: unknown): void {
    this.#error = error
  }

  switchProtocols (headers: OutgoingHttpHeaders): void {
    const { stream } = this.#upgrade
    this.#response.detach(stream)
    // Before ws adds its own: for a third listener Node makes a list with room for 19.
    if (this.#timeout !== undefined) this.#removeListeners()
    const failure = this.#connect(headers)
    if (failure === undefined) return this.#finish()
    if (this.#timeout !== undefined) this.#addListeners()
    this.#response.refuseOverHttp(stream, this.#withStatus(new errors.InvalidHandshake(failure.message)))
  }

  onRefused (statusCode: number): void {
    this.#releasePlace?.()
    this.#route.observer.handshakeRefused(this.#request, statusCode, this.#error)
  }

  onRefusedByClose (statusCode: number, headers: OutgoingHttpHeaders): void {
    const { payload } = this.#response
    const isUnknownVersion = statusCode === 400 && this.#error instanceof errors.UnknownSubprotocol
    this.onRefused(statusCode)
    this.#finish()
    this.#response.detach(this.#upgrade.stream)
    refuseByClose(this.#request.raw, this.#upgrade, this.#route.subprotocols, { statusCode, payload, headers, isUnknownVersion })
    this.#response.discard()
  }

  #admit (verdict: OriginVerdict): void {
    const { subprotocols } = this.#route
    if (verdict !== 'admitted') throw this.#withStatus(originRefusal(this.#request, verdict))
    if (!isOfferOf(this.#request.raw, subprotocols)) throw this.#withStatus(unknownSubprotocol(subprotocols))
    this.#acquirePlace()
  }

  // After the Origin, so that a page of another origin takes no place.
  #acquirePlace (): void {
    const { connectionLimit } = this.#host
    // While the Origin was looked up time ran out, or the client left: no 'close' follows to give
    // the place back.
    if (!connectionLimit.isLimited || !this.#response.isPending) return
    try {
      this.#releasePlace = connectionLimit.acquire(this.#request.ip)
      this.#upgrade.stream.once('close', this.#releasePlace)
    } catch (error) {
      this.#askToRetry()
      throw this.#withStatus(error as RefusalError)
    }
  }

  #askToRetry (): FastifyReply {
    return this.#reply.header('retry-after', RETRY_AFTER_SECONDS)
  }

  // Sets the status for an error handler of the app that sets none.
  #withStatus<E extends { statusCode: number }> (error: E): E {
    this.#reply.code(error.statusCode)
    return error
  }

  // An error here would leave the client without an answer: a hook may have upgraded the stream.
  #connect (headers: OutgoingHttpHeaders): Error | undefined {
    const { stream } = this.#upgrade
    try {
      return this.#route.switcher.switch(this.#request.raw, this.#upgrade, headerLines(headers), (ws) => {
        this.#complete()
        this.#route.connect(ws as ServerWebSocket, stream, this.#request)
      })
    } catch (error) {
      this.#request.log.error({ err: error }, 'websocket handshake failed')
      stream.destroy()
      return undefined
    }
  }

  #complete (): void {
    const raw: HandshakeRequest = this.#request.raw
    this.#finish()
    raw[kHandshake] = undefined
    this.#response.finish()
  }

  // The client has left, or reads no answer any more.
  readonly #onEnd = (): void => {
    if (this.#response.isEnded) return
    this.#response.end()
    this.#upgrade.stream.destroy()
  }

  readonly #finish = (): void => {
    this.#isFinished = true
    this.#response.end()
    if (this.#timeout === undefined) return
    clearTimeout(this.#timeout)
    this.#host.handshakes.delete(this)
    this.#removeListeners()
  }

  #addListeners (): void {
    this.#upgrade.stream.on('end', this.#onEnd)
    this.#upgrade.stream.on('close', this.#finish)
  }

  #removeListeners (): void {
    this.#upgrade.stream.removeListener('end', this.#onEnd)
    this.#upgrade.stream.removeListener('close', this.#finish)
  }
}

function isRefusedByClose ({ rejectWith }: HandshakeRoute, raw: UpgradeRequest): boolean {
  return rejectWith === 'close' || (rejectWith === 'auto' && offersRefusal(raw) && !(raw.socket as InjectedStream)[kInjected])
}

type RefusalError = Error & { statusCode: number }

function unknownSubprotocol (names: readonly string[]): RefusalError {
  return new errors.UnknownSubprotocol(names.map((name) => `'${name}'`).join(' or '))
}

function hostRefusal (request: FastifyRequest): RefusalError {
  const host = printable(String(request.host))
  request.log.info({ host }, `websocket handshake refused: to admit it, add '${host}' to the option host of the route or the plugin`)
  return new errors.HostRefused()
}

function originRefusal (request: FastifyRequest, verdict: 'missing' | 'refused'): RefusalError {
  const { headers } = request
  const [origin, host] = [headers.origin, headers.host].map((text) => text === undefined ? text : printable(String(text)))
  const option = verdict === 'missing' ? 'allowMissingOrigin: true' : `origin: ['${origin}']`
  request.log.info({ origin, host }, `websocket handshake refused: to admit it, set the option ${option} of the route or the plugin`)
  return verdict === 'missing' ? new errors.OriginMissing() : new errors.OriginRefused()
}
