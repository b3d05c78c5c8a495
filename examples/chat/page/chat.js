// @ts-check
import { Connection } from './connection.js'
import { Members } from './members.js'
import { isAdmitted, Room } from './room.js'

const url = window.location.href.replace(/^http/, 'ws').replace(/[?#].*$/, '')
const connection = new Connection(url, 'chat.v2', {
  onState: (change) => room.changed(change),
  onMessage: (message) => on[message.type]?.(message),
  onRecovered: (outcome) => room.recovered(outcome),
  isAdmitted
})
const room = new Room({
  // A stock WebSocket keeps nothing for later: the page sends while there is a connection.
  keepsMessages: false,
  sendMessage (message) {
    connection.send('message', message)
    return true
  },
  sendImage: (image) => connection.sendBinary(image),
  history: () => connection.call('history', {}),
  retry: () => connection.open()
})

const members = new Members()

/** @type {Record<string, (message: any) => void>} */
const on = {
  present: (message) => room.present(message),
  message: (message) => room.message(message),
  image: (image) => room.image(image),
  $members: (told) => room.here(members.take(told)),
  $error: (error) => room.refused(error)
}

connection.open()
