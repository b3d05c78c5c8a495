// @ts-check
// The three messages in Zod, as those who use socket.io or tRPC write them.
import { z } from 'zod'

const say = { room: z.string().min(1).max(64), text: z.string().min(1).max(2000), date: z.number().int().min(0) }
const move = { unit: z.string().min(1).max(64), x: z.number(), y: z.number(), last: z.boolean(), note: z.string().max(2000) }
const vote = { poll: z.string().min(1).max(64), choice: z.number().int().min(1).max(9), why: z.string().max(2000).optional() }

export const incoming = { say: z.object(say), move: z.object(move), vote: z.object(vote) }
export const outgoing = {
  say: z.object({ type: z.literal('said'), ...say }),
  move: z.object({ type: z.literal('moved'), ...move }),
  vote: z.object({ type: z.literal('voted'), ...vote })
}
