/** Sends and listens for a node that asks itself. */
export interface ProbeOwner {
  send (channel: string): Promise<unknown>
  /** A probe did not come back in time. */
  fail (): void
}

const INTERVAL_MS = 5000
const TIMEOUT_MS = 2000

/**
 * Finds a connection that looks healthy and hears nothing: every 5 s the node publishes to channels
 * of its own, and within 2 s it must hear itself.
 */
export class Probe {
  readonly #channels: ReadonlySet<string>
  readonly #owner: ProbeOwner
  #missing = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  constructor (channels: readonly string[], owner: ProbeOwner) {
    this.#channels = new Set(channels)
    this.#owner = owner
  }

  /**
   * Resolves once the channels are heard.
   * @param subscribe - subscribes to channels that share a slot.
   */
  async listen (subscribe: (channels: readonly string[]) => Promise<unknown>): Promise<void> {
    await Promise.all(Array.from(this.#channels, (channel) => subscribe([channel])))
  }

  start (): void {
    this.stop()
    this.#schedule(() => this.#send(), INTERVAL_MS)
  }

  stop (): void {
    clearTimeout(this.#timer)
  }

  /** @returns whether the channel is one of the probe's. */
  heard (channel: string): boolean {
    if (!this.#channels.has(channel)) return false
    this.#missing.delete(channel)
    return true
  }

  #send (): void {
    this.#missing = new Set(this.#channels)
    // The timeout tells of a probe that could not be sent.
    for (const channel of this.#channels) this.#owner.send(channel).catch(() => {})
    this.#schedule(() => this.#judge(), TIMEOUT_MS)
  }

  #judge (): void {
    if (this.#missing.size > 0) this.#owner.fail()
    else this.#schedule(() => this.#send(), INTERVAL_MS - TIMEOUT_MS)
  }

  #schedule (step: () => void, ms: number): void {
    this.#timer = setTimeout(step, ms).unref()
  }
}
