// The console in Firefox.
import t from 'tap'
import { startFirefox } from '../support/browser.js'
import { tellStories } from './console-stories.js'

const browser = await startFirefox(t)

t.test('the console in Firefox', { skip: typeof browser === 'string' && browser }, (t) => tellStories(t, browser))
