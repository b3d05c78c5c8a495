/** Sends and listens for a node that asks itself. */
export interface ProbeOwner {
  send (channel: string): Promise<unknown>
  /** A probe did not come back in time. */
  fail (): void
}

const INTERVAL_MS = 5000
const TIMEOUT_MS = 2000

/**
 * Finds a connection that looks healthy and hears nothing: every 5 s the node publishes to a
 * channel of its own, and within 2 s it must hear itself.
 */
export class Probe {
  readonly channel: string
  readonly #owner: ProbeOwner
  #isMissing = false
  #timer: NodeJS.Timeout | undefined

  constructor (channel: string, owner: ProbeOwner) {
    this.channel = channel
    this.#owner = owner
  }

  /** The channel must be subscribed to. */
  start (): void {
    this.stop()
    this.#schedule(() => this.#send(), INTERVAL_MS)
  }

  stop (): void {
    clearTimeout(this.#timer)
  }

  /** @returns whether the channel is the probe's. */
  heard (channel: string): boolean {
    if (channel !== this.channel) return false
    this.#isMissing = false
    return true
  }

  #send (): void {
    this.#isMissing = true
    // The timeout tells of a probe that could not be sent.
    this.#owner.send(this.channel).catch(() => {})
    this.#schedule(() => this.#checkAlive(), TIMEOUT_MS)
  }

  #checkAlive (): void {
    if (this.#isMissing) this.#owner.fail()
    else this.#schedule(() => this.#send(), INTERVAL_MS - TIMEOUT_MS)
  }

  #schedule (step: () => void, ms: number): void {
    this.#timer = setTimeout(step, ms).unref()
  }
}
