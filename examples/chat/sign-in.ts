import { randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import createError from '@fastify/error'
import formbody from '@fastify/formbody'
import { Type, type Static } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { chat, type Person } from './contract.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** A hook for everything that needs somebody: sends anybody else to the sign-in page. */
    signedIn: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>
  }
  interface FastifyRequest {
    /** The person who asks: set by the hook `signedIn`. */
    person: Person
  }
}

export interface SignInOptions {
  /** Signs the cookie. */
  key: Buffer
}

/** The topic of all connections of a person, on every node. */
export const topicOf = ({ id }: Person): string => `person:${id}`

const COOKIE = 'person'
const ONE_DAY_S = 24 * 60 * 60
// Close codes from 4500 on are final: the page does not come back by itself. 4501 is the code of a
// handshake that is refused since nobody is signed in.
const SIGNED_OUT = 4510

const Form = Type.Object({ name: Type.String({ maxLength: 30, pattern: '^[^\\p{Cc}]*[\\p{L}\\p{N}\\p{P}\\p{S}][^\\p{Cc}]*$' }) })
const ForeignForm = createError('CHAT_FOREIGN_FORM', 'This form can only be sent from its own page', 403)

/**
 * Sign-in by name, kept in a signed cookie. There is no password, as there is no secret to keep.
 */
export const signIn = fastifyPlugin<SignInOptions>(async (app, { key }) => {
  await app.register(cookie, {
    secret: key,
    parseOptions: { path: '/', httpOnly: true, sameSite: 'lax', secure: 'auto', maxAge: ONE_DAY_S }
  })
  await app.register(formbody)

  app.decorateRequest('person')
  app.decorate('signedIn', async (request: FastifyRequest, reply: FastifyReply) => {
    const person = readPerson(request)
    if (person === undefined) return reply.redirect('/sign-in')
    request.person = person
  })

  app.get('/sign-in', (request, reply) => {
    return readPerson(request) === undefined ? reply.sendPage('sign-in.html') : reply.redirect('/chat')
  })

  app.post<{ Body: Static<typeof Form> }>('/sign-in', {
    schema: { body: Form },
    attachValidation: true,
    onRequest: fromOwnPage
  }, (request, reply) => {
    if (request.validationError !== undefined) return reply.redirect('/sign-in#refused', 303)
    const person: Person = { id: randomUUID(), name: request.body.name.trim() }
    return reply.setCookie(COOKIE, JSON.stringify(person), { signed: true }).redirect('/chat', 303)
  })

  app.post('/sign-out', { onRequest: [fromOwnPage, app.signedIn] }, async (request, reply) => {
    reply.clearCookie(COOKIE).redirect('/sign-in', 303)
    // Only now: a page that hears of it leaves at once, and would not wait for its cookie to be
    // cleared.
    await app.channel(chat).disconnect({ topic: topicOf(request.person) }, SIGNED_OUT, 'signed out')
    return reply
  })
}, { name: 'sign-in', dependencies: ['fastify-typed-ws', 'page'] })

function readPerson (request: FastifyRequest): Person | undefined {
  const signed = request.cookies[COOKIE]
  if (signed === undefined) return undefined
  const { valid, value } = request.unsignCookie(signed)
  return valid ? JSON.parse(value) as Person : undefined
}

// SameSite keeps our cookie out of foreign forms, but a form that signs somebody in needs no
// cookie. Browsers send the Origin of every POST.
async function fromOwnPage ({ headers, protocol, host }: FastifyRequest): Promise<void> {
  if (headers.origin !== `${protocol}://${host}`) throw new ForeignForm()
}
