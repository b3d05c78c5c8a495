export { asyncapi, asyncapi as default } from './plugin.js'
export type * from '../../types/asyncapi.js'
