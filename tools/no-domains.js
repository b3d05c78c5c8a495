// @ts-check
// tap follows every promise by async_hooks, to tell which test an error belongs to that is thrown
// outside of all promises. The hooks take up to half of a test's time; without them such an error
// ends the process, and its file has failed.
import asyncHooks from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

const { createHook } = asyncHooks
const nothing = { enable: () => nothing, disable: () => nothing }

asyncHooks.createHook = (callbacks) => {
  return new Error().stack?.includes('async-hook-domain') === true ? nothing : createHook(callbacks)
}
syncBuiltinESMExports()
