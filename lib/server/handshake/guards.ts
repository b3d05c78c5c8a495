import type { FastifyRequest } from 'fastify'
import type { OriginOption } from '../../../types/options.js'
import * as errors from '../errors.js'
import { compileHost } from './host.js'
import { compileOrigin, type OriginVerdict } from './origin.js'

/** The checks of a handshake that the options `host`, `origin` and `allowMissingOrigin` make. */
export interface Guards {
  readonly isHost: (request: FastifyRequest) => boolean
  readonly checkOrigin: (request: FastifyRequest) => OriginVerdict | Promise<OriginVerdict>
}

/** The options, with their defaults filled in. */
export interface GuardOptions {
  readonly host: readonly string[] | undefined
  readonly origin: OriginOption
  readonly allowMissingOrigin: boolean
}

/** @throws FST_TYPED_WS_INVALID_OPTION for an entry that could never match. */
export function compileGuards ({ host, origin, allowMissingOrigin }: GuardOptions): Guards {
  return {
    isHost: named('host', () => compileHost(host)),
    checkOrigin: named('origin', () => compileOrigin(origin, allowMissingOrigin))
  }
}

function named<T> (option: string, compile: () => T): T {
  try {
    return compile()
  } catch (error) {
    throw new errors.InvalidOption(option, (error as Error).message)
  }
}
