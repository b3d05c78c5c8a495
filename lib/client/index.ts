export { createClient } from './client.js'
export { drained } from './drained.js'
export { ClientError } from './errors.js'
export type * from '../../types/client.js'
