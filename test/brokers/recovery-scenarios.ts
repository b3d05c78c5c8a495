// Two nodes of any engine, and clients of a recoverable topic.
import type { Test } from 'tap'
import type { Answer } from '../support/helper.js'
import { chat, placeOf, texts, TOPIC, type Node, type Position } from '../support/recovery.js'

/**
 * A client reconnects to the other node, and is given what it missed, in order and once.
 * @returns what the client was told at first, and its place when it left.
 */
export async function reconnectElsewhere (t: Test, [one, two]: readonly [Node, Node]): Promise<{ begin: Answer, place: Position }> {
  const first = await one.ask()
  const begin = await first.next()
  await two.say('a')
  const place = placeOf(begin, await first.next())
  await first.close()
  await one.say('b')
  await two.say('c')
  const second = await two.ask(place)
  t.match(await second.next(), { type: '$topic', topic: TOPIC, epoch: place[0], offset: place[1], recovered: true, missed: 2 })
  t.same(await texts(second, 2), ['b', 'c'])
  await one.say('d')
  t.same(await texts(second, 1), ['d'])
  return { begin, place }
}

/** The engine loses all that it has stored: members, and those who return, are told. */
export async function loseHistory (t: Test, [one, two]: readonly [Node, Node], engine: { forget (): Promise<void> }): Promise<void> {
  const member = await one.ask()
  const begin = await member.next()
  await two.say('a')
  const place = placeOf(begin, await member.next())
  await engine.forget()
  await two.say('b')
  const told = await member.next()
  t.match(told, { type: '$topic', topic: TOPIC, recovered: false, reason: 'lost' })
  t.not(told['epoch'], place[0])
  await two.say('c')
  t.match(await member.next(), { text: 'c' })
  t.match(await (await two.ask(place)).next(), { recovered: false, reason: 'lost' })
  t.match(await (await two.ask(placeOf(told))).take(2), [{ recovered: true, missed: 1 }, { text: 'c' }])
  t.equal(one.app.channel(chat).stats.gaps, 1)
}
