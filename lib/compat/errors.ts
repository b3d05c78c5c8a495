import type { Change } from '../../types/compat.js'

/** Thrown by `assertCompatible`: the new contract breaks clients that have the old one. */
export class IncompatibleContractError extends Error {
  readonly code = 'FST_TYPED_WS_INCOMPATIBLE_CONTRACT'
  override readonly name = 'IncompatibleContractError'
  /** The changes that fail, the worst first. */
  readonly changes: readonly Change[]

  constructor (contract: string, changes: readonly Change[]) {
    const lines = changes.map(({ impact, where, text }) => `\n  ${impact}: ${where}: ${text}`)
    super(`contract '${contract}' does not fit clients that have the old one:${lines.join('')}\n` +
      'Change it in another way, or list the places that are meant in `allow`.')
    this.changes = changes
  }
}

/** Thrown by `assertCompatible`: an option is wrong; the message says what to write instead. */
export class OptionError extends TypeError {
  readonly code = 'FST_TYPED_WS_INVALID_OPTION'
  override readonly name = 'OptionError'
}
