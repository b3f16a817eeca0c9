import t from 'tap'
import { createLogger } from './logger.ts'

t.test('S35 an error is logged with name, code, message, stack and causes, without fields of drivers', (t) => {
  const lines: string[] = []
  const log = createLogger({ name: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } })
  const driver = Object.assign(new Error('OOM command not allowed'), {
    code: 'ERR_REPLY',
    command: { name: 'evalsha', args: ['planted-argument'] },
    meta: { detail: 'Failing row contains (planted-row)' },
  })
  log.error({ err: new Error('unavailable', { cause: driver }) }, 'failed')
  const [line = ''] = lines
  t.match(JSON.parse(line).err, {
    name: 'Error',
    message: 'unavailable',
    stack: /logger\.test/,
    cause: { code: 'ERR_REPLY', message: 'OOM command not allowed' },
  })
  t.notMatch(line, 'planted')
  t.end()
})

t.test('S35 a thrown value that is no error, or an error that is its own cause, is logged', (t) => {
  const lines: string[] = []
  const log = createLogger({ name: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } })
  const circular = new Error('round and round')
  circular.cause = circular
  log.error({ err: circular })
  log.error({ err: 'planted text' })
  t.equal(lines.length, 2)
  t.notMatch(lines[1], 'planted')
  t.end()
})
