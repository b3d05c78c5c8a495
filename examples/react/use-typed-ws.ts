import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'
import { createClient, type Client, type ClientOptions, type ClientState } from 'fastify-typed-ws/client'
import type { AnyContract } from 'fastify-typed-ws/contract'

/**
 * A client for as long as the component is there, and its state. Until the first effect, on a
 * server for example, there is none; options are read once for each URL.
 */
export function useTypedWs<C extends AnyContract> (
  url: string,
  options: ClientOptions<C>
): { client: Client<C> | undefined, state: ClientState } {
  const [client, setClient] = useState<Client<C>>()

  // In an effect, because a render may happen twice, or for nothing; StrictMode's extra client is
  // closed before it has opened anything.
  useEffect(() => {
    const made = createClient<C>(url, options)
    setClient(made)
    return () => made.close()
  }, [url])

  const subscribe = useCallback((changed: () => void) => client?.onState(changed) ?? (() => {}), [client])
  const state = useSyncExternalStore(subscribe, () => client?.state ?? 'connecting', () => 'connecting' as const)
  return { client, state }
}
