import { randomUUID } from 'node:crypto'
import createError from '@fastify/error'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { chat, type Image, type Message, type Person } from './contract.js'
import { v1 } from './contract-v1.js'
import type { History } from './history.js'
import { mimeOf } from './image.js'
import { topicOf } from './sign-in.js'
import { tell } from './telling.js'

const ROOM = 'lobby'
const MAX_IMAGE_BYTES = 1024 * 1024
const LAST_VISIT = 'last_visit'
const ONE_YEAR_S = 365 * 24 * 60 * 60

const NotAnImage = createError('CHAT_NOT_AN_IMAGE', 'Only PNG, JPEG, GIF and WebP images can be sent', 415)
const ImageNotFound = createError('CHAT_IMAGE_NOT_FOUND', 'There is no such image, or no more', 404)

export interface RoomOptions {
  history: History
  /** The name of this node, where there are several. */
  node?: string | undefined
}

/** The room: `/chat` is its page for a GET and its connection for a WebSocket. */
export async function room (app: FastifyInstance, { history, node }: RoomOptions): Promise<void> {
  const channel = app.channel(chat)

  app.ws('/chat', {
    contract: chat,
    // Pages that are still open speak the old one. A client that names none is no such page.
    versions: [v1],
    defaultVersion: chat.name,
    schema: { summary: 'The lobby.', security: [{ person: [] }] },
    maxBinaryBytes: MAX_IMAGE_BYTES,
    highWaterMarkBytes: 4 * MAX_IMAGE_BYTES,
    onRequest: app.signedIn,
    onSend: rememberVisit,
    handler: (_request, reply) => reply.sendPage('index.html'),

    async open (socket) {
      const { person, cookies } = socket.request
      // By its own topic a person is reached wherever the tabs are: to sign out, for example.
      await socket.subscribe(topicOf(person))
      // However many tabs a person has open, on whatever nodes: by the key they are one member.
      await socket.subscribe(ROOM, { info: { name: person.name }, key: person.id })
      const lastVisit = Number(cookies[LAST_VISIT])
      socket.send('present', { you: person, ...(node && { node }), ...(Number.isSafeInteger(lastVisit) && { lastVisit }) })
    },

    on: {
      async message ({ text }, socket) {
        const message: Message = { ...stamp(socket.request.person), text }
        await tell(history, message, (by) => channel.publish(ROOM, 'message', message, by))
      },

      history: ({ since = 0 }) => history.since(since)
    },

    async binary (data, socket) {
      const mime = mimeOf(data)
      if (mime === undefined) throw new NotAnImage()
      const image: Image = { ...stamp(socket.request.person), mime, size: data.length }
      await tell(history, image, (by) => channel.publish(ROOM, 'image', image, by), data)
    }
  })

  // The same room by the typed client: its WebSocket is that of /chat.
  app.get('/typed', { onRequest: app.signedIn }, (_request, reply) => reply.sendPage('typed.html'))

  // Topics carry JSON: an image is told by its event, and its bytes are here, on every node.
  app.get<{ Params: { id: string } }>('/chat/images/:id', { onRequest: app.signedIn }, async (request, reply) => {
    const image = await history.image(request.params.id)
    const mime = image && mimeOf(image)
    if (mime === undefined) throw new ImageNotFound()
    return reply.type(mime).header('cache-control', 'private, max-age=86400, immutable').send(image)
  })
}

function stamp ({ id, name }: Person): Omit<Message, 'text'> {
  return { id: randomUUID(), from: id, name, date: Date.now() }
}

// The 101 is a reply like any other, and can set a cookie.
async function rememberVisit (_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (reply.statusCode === 101) reply.setCookie(LAST_VISIT, String(Date.now()), { maxAge: ONE_YEAR_S })
}
