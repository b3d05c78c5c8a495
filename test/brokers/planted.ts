// An engine that exists in this process only, with one fault of its broker: its name is the first
// argument, and the title of a test of the suite the second.
import { EventEmitter } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Broker, BrokerHost } from '../../types/broker.js'
import { brokerSuite, type SuiteEngine } from './suite.js'

const [fault, title] = process.argv.slice(2)

class Hub extends EventEmitter implements SuiteEngine {
  isUp = true
  isHung = false

  async start (): Promise<void> {
    this.isUp = true
    this.emit('up')
  }

  async kill (): Promise<void> {
    this.isUp = false
    this.emit('down')
  }

  hang (): void {
    this.isHung = true
    setTimeout(() => this.emit('down'), 2500)
  }

  goOn (): void {
    this.isHung = false
    this.emit('up')
  }
}

class HubBroker implements Broker {
  readonly name = 'hub'
  readonly #hub: Hub
  readonly #topics = new Set<string>()
  readonly #kept: Array<[topic: string, message: string]> = []
  #host: BrokerHost | undefined
  #isReady = false

  constructor (hub: Hub) {
    this.#hub = hub.setMaxListeners(0)
  }

  start (host: BrokerHost): void {
    this.#host = host
    this.#hub.on('up', () => this.#rise())
    this.#hub.on('down', () => this.#fall())
    this.#hub.on('message', (topic: string, message: string) => this.#hear(topic, message))
    if (this.#hub.isUp) this.#rise()
    else this.#fall()
  }

  async subscribe (topic: string): Promise<void> {
    this.#topics.add(topic)
    await this.#check()
  }

  unsubscribe (topic: string): void {
    this.#topics.delete(topic)
  }

  async publish (topic: string, message: string): Promise<void> {
    if (fault === 'queues' && !this.#isReady) this.#kept.push([topic, message])
    await this.#check()
    if (fault === 'swaps' && message.endsWith('7')) await pause(20)
    this.#hub.emit('message', topic, fault === 'changes' ? message.replace('7', '8') : message)
    if (fault === 'doubles') this.#hub.emit('message', topic, message)
  }

  async ask (topic: string, message: string): Promise<number> {
    await this.publish(topic, message)
    return 3
  }

  async close (): Promise<void> {
    this.#host = undefined
    this.#isReady = false
  }

  async #check (): Promise<void> {
    if (!this.#isReady) throw Object.assign(new Error('away'), { code: 'UNAVAILABLE' })
    if (!this.#hub.isHung) return
    await pause(1000)
    throw Object.assign(new Error('hung'), { code: 'TIMEOUT' })
  }

  #hear (topic: string, message: string): void {
    if (this.#topics.has(topic)) this.#host?.heard(topic, message)
  }

  #rise (): void {
    if (this.#host === undefined) return
    this.#isReady = true
    this.#host.resumed()
    this.#host.changed('ready')
    for (const [topic, message] of this.#kept.splice(0)) this.#hub.emit('message', topic, message)
  }

  #fall (): void {
    if (this.#isReady) this.#host?.interrupted()
    this.#isReady = false
    this.#host?.changed('away')
  }
}

brokerSuite({
  name: 'planted',
  skip: false,
  only: title,
  engine: async () => new Hub(),
  broker: async (_t, hub: Hub) => new HubBroker(hub)
})
