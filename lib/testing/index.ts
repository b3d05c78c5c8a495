export { fakeMessage } from './fake-message.js'
export { fakeSocket } from './fake-socket.js'
export type * from '../../types/testing.js'
