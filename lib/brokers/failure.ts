/**
 * A message that was not handed on. `UNAVAILABLE`: the engine does not have it. `TIMEOUT`: nobody
 * knows whether it has.
 */
export class BrokerError extends Error {
  readonly code: 'UNAVAILABLE' | 'TIMEOUT'

  constructor (code: BrokerError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'BrokerError'
    this.code = code
  }
}

/** @throws BrokerError TIMEOUT, by rejecting, when the promise has not settled in time. */
export async function within<T> (promise: Promise<T>, ms: number, name: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new BrokerError('TIMEOUT', `${name} did not answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
