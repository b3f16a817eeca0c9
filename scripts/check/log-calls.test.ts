import t from 'tap'
import { undeclaredLogCalls } from './log-calls.ts'

const severities = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']

t.test('a log call without a declared event is found, at every severity and however it is written', async (t) => {
  for (const severity of severities) {
    for (const call of [
      `log.${severity}('x')`,
      `request.log.${severity}({}, 'x')`,
      `deps.log\n    .${severity}(line)`,
    ]) {
      t.match(undeclaredLogCalls('a.ts', `\n${call}\n`), [/^a\.ts:2: /], call)
    }
  }
})

t.test('a declared line is none, and neither are the logs of commands', async (t) => {
  for (const call of [`log.event('overload', {})`, `console.log('x')`, `catalog.info('x')`]) {
    t.same(undeclaredLogCalls('a.ts', call), [], call)
  }
})
