import { Type } from '@sinclair/typebox'
import { older } from 'fastify-typed-ws'
import { defineContract } from 'fastify-typed-ws/contract'
import { chat } from './contract.js'

const { message, image, present } = chat.serverToClient
const person = present.properties.you

/** The contract of pages that were opened when the bytes of an image came with it. */
export const chatV1 = defineContract({
  name: 'chat.v1',
  title: 'The lobby',
  clientToServer: { message: chat.clientToServer.message, history: chat.clientToServer.history },
  serverToClient: {
    message,
    image: { payload: image, binary: true },
    present: Type.Object({ you: person, people: Type.Array(person), lastVisit: Type.Optional(Type.Number()) }),
    joined: person,
    left: person
  },
  binary: { clientToServer: true },
  closeCodes: { 4510: 'Signed out' }
})

/**
 * Pages of then hear of an image in words, and know of nobody else who comes and goes, until they
 * are loaded again.
 */
export const v1 = older(chat, {
  contract: chatV1,
  serverToClient: {
    image: {
      as: 'message',
      down: ({ mime: _, size, ...stamp }) => ({ ...stamp, text: `An image of ${size} bytes: reload the page to see it.` })
    },
    present: {
      down: ({ you, lastVisit }) => ({ you, people: [you], ...(lastVisit !== undefined && { lastVisit }) })
    }
  }
})
