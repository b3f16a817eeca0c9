import { type LogEventDefinition, type LogEventName, logEvents } from '@rekey/contracts'
import t from 'tap'
import { serviceEnv } from './config.ts'
import { createLogger, serviceLevel } from './logger.ts'

const names = Object.keys(logEvents) as LogEventName[]
const levels: string[] = serviceEnv.LOG_LEVEL.enum
const order = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** The events of the lines that a service writes at this LOG_LEVEL, of all that are declared. */
const written = (LOG_LEVEL: string) => {
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const log = createLogger({ name: 'test', level: serviceLevel(LOG_LEVEL), destination })
  for (const name of names) log.event(name, {} as never)
  return lines
}

t.test('S35: a security event is logged at every LOG_LEVEL, and any other line by its severity', async (t) => {
  t.same(levels.toSorted(), order.toSorted())
  for (const level of levels) {
    const expected = names.filter((name) => {
      const { always, severity }: LogEventDefinition = logEvents[name]
      return always || order.indexOf(severity) >= order.indexOf(level)
    })
    const lines = written(level)
    t.same(
      lines.map(({ event }) => event),
      expected,
      level,
    )
    for (const { event, severity, msg } of lines) {
      const { severity: declared, message } = logEvents[event as LogEventName]
      t.match({ severity, msg }, { severity: declared, msg: message })
    }
  }
})

t.test('S35: no line of authentication, sessions or the back office can be filtered', async (t) => {
  const security = /^(authn|back_office|session|excess|token|stored_record|recovery|all_sessions|customer_stored)/
  const filtered = names.filter((name) => security.test(name) && !logEvents[name].always)
  t.same(filtered, [])
})
