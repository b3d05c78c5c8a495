import { Type, type Static } from '@sinclair/typebox'
import { defineContract } from 'fastify-typed-ws/contract'

const person = Type.Object({ id: Type.String(), name: Type.String() })
export type Person = Static<typeof person>

// The part that the server adds to a message: its author and time are not the client's to choose.
const stamp = { id: Type.String(), from: Type.String(), name: Type.String(), date: Type.Number() }

const message = Type.Object({ ...stamp, text: Type.String() }, { title: 'Somebody said something.' })
export type Message = Static<typeof message>

const mime = Type.Union([Type.Literal('image/png'), Type.Literal('image/jpeg'), Type.Literal('image/gif'), Type.Literal('image/webp')])
export type Mime = Static<typeof mime>

const image = Type.Object(
  { ...stamp, mime, size: Type.Integer() },
  { title: 'Somebody showed an image.', description: 'Its bytes are at `/chat/images/{id}`.' }
)
export type Image = Static<typeof image>

export type Entry = Message | Image

/** The messages of the room. A page that only speaks JSON needs nothing else. */
export const chat = defineContract({
  name: 'chat.v2',
  title: 'The lobby',
  description: 'Says things to all who are here, and shows them images.',
  clientToServer: {
    message: Type.Object({
      text: Type.String({ minLength: 1, maxLength: 2000 }),
      id: Type.Optional(Type.String({ maxLength: 100 })),
      date: Type.Number()
    }, { title: 'Says something to all.', examples: [{ text: 'Hello', date: 1764288000000 }] }),
    history: {
      summary: 'Asks for the last messages and images: for those who were not here to hear them.',
      request: Type.Object({ since: Type.Optional(Type.Number()) }),
      reply: Type.Array(Type.Union([message, image]))
    }
  },
  serverToClient: {
    message,
    image,
    present: Type.Object(
      { you: person, node: Type.Optional(Type.String()), lastVisit: Type.Optional(Type.Number()) },
      { title: 'Once, at the start: who you are, and the node that you speak to, where there are several.' }
    )
  },
  // A page that was away for a moment is given what was said meanwhile, once and in order. It is
  // told who is here, on all nodes.
  topics: { lobby: { recover: true, presence: Type.Object({ name: Type.String() }) } },
  // An image of the client's, as it is: the server says whose it is.
  binary: { clientToServer: true },
  closeCodes: { 4510: 'Signed out' }
})
