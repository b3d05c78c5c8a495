import type { Binary, Client, ClientPart, Off } from './client.js'
import type { AnyContract, BinaryEventNames, EventNames, Payload } from './contract.js'

/** Made by `binaryEvents()`, for clients that send and hear events that have a binary frame. */
export type BinaryEvents = ClientPart<'binary'>

/** A client with the option `binary`. */
export interface BinaryClient<C extends AnyContract = AnyContract> extends Client<C> {
  /** Sends a binary message, as `send` does. */
  sendBinary (data: C['binary']['clientToServer'] extends true ? Binary : never): boolean
  /**
   * Sends an event that the contract declares with `binary: true`, and its bytes: as `send` does,
   * and while there is no connection the two wait together, as one message.
   *
   * @example
   * client.sendBinary('image', { caption: 'The sea' }, file)
   */
  sendBinary<K extends BinaryEventNames<C['clientToServer']>> (
    type: K, payload: Payload<C['clientToServer'][K]>, data: Binary
  ): boolean

  /** Listens to an event. */
  on<K extends EventNames<C['serverToClient']>> (type: K, listener: (payload: Payload<C['serverToClient'][K]>) => void): Off
  /**
   * Listens to an event that the contract declares with `binary: true`.
   *
   * @example
   * client.on('image', ({ mime }, data) => show(new Blob([data], { type: mime })))
   */
  on<K extends BinaryEventNames<C['serverToClient']>> (
    type: K, listener: (payload: Payload<C['serverToClient'][K]>, data: ArrayBuffer) => void
  ): Off
}
