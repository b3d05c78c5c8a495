import { Dispatcher } from './dispatch.js'
import type { InboundContext, InboundOwner } from './owner.js'
import { Receiver } from './receiver.js'
import { Responder } from './responder.js'
import { Scheduler } from './scheduler.js'

/** The line of one connection's messages: receiver, admission, scheduler, dispatcher, responder. */
export class Inbound {
  readonly receiver: Receiver
  readonly scheduler: Scheduler
  readonly dispatcher: Dispatcher

  constructor (context: InboundContext, owner: InboundOwner) {
    const responder = new Responder(context, owner)
    this.dispatcher = new Dispatcher(context, owner, responder)
    this.scheduler = new Scheduler(context, owner, this.dispatcher)
    this.receiver = new Receiver(context, owner, this.scheduler, responder)
  }

  /** Handles what the client sent before it was gone; no answer is sent. */
  end (): void {
    this.receiver.end()
    this.scheduler.abort()
    this.dispatcher.end()
    this.scheduler.next()
  }
}
