import type { DocumentHook } from './asyncapi.js'

/** The options of `app.register(console, options)`. */
export interface ConsoleOptions {
  /** The path of the page. Fastify itself reads it. */
  readonly prefix?: string
  /**
   * Hooks of the page's routes, for example one that asks for a login. Required with
   * `NODE_ENV=production`.
   */
  readonly onRequest?: DocumentHook | readonly DocumentHook[]
  /**
   * The path of a document of AsyncAPI 3 in JSON on the same origin. Default: that of
   * `fastify-typed-ws/asyncapi`, which the console serves itself, behind the same hooks.
   */
  readonly document?: string
}
