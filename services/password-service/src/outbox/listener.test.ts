import { createLogger } from '@rekey/platform/logger'
import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import { startLink } from '@rekey/test-support/link'
import t from 'tap'
import { listenForOutbox } from './listener.ts'

t.test('notifications arrive again after the connection was lost without an error', async (t) => {
  const { postgres } = await startInfrastructure(t, { postgres: true })
  const link = await startLink()
  t.teardown(() => link.close())
  const url = new URL(postgres.url)
  link.leadTo([Number(url.port)])
  url.port = String(link.port)

  let notifications = 0
  const log = createLogger({ name: 'test', level: 'silent' })
  const listener = listenForOutbox({ url: url.href, onNotification: () => void notifications++, log })
  t.teardown(() => listener.close())
  await eventually(() => notifications === 1, { what: 'the connection' })
  await sql(postgres.url, 'NOTIFY outbox')
  await eventually(() => notifications === 2, { what: 'the notification' })

  link.blackHole()
  link.heal()
  await eventually(() => notifications === 3, { what: 'a new connection' })
  await sql(postgres.url, 'NOTIFY outbox')
  await eventually(() => notifications === 4, { what: 'the next notification' })
})
