import neostandard from 'neostandard'

export default [
  ...neostandard({ ts: true, noJsx: true, env: ['browser'], ignores: ['**/dist/', '.tap/', '.cache/', 'examples/*.js', 'examples/*/*.js'] }),
  {
    rules: {
      // oxlint asks that a promise nobody waits for is said to be one, with `void`
      'no-void': 'off',
      // does not see what a callback changes while a loop awaits
      'no-unmodified-loop-condition': 'off'
    }
  }
]
