import { createLogger } from '@rekey/platform/logger'
import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import { startLink } from '@rekey/test-support/link'
import t from 'tap'
import { listenForOutbox } from './listener.ts'

t.test('news are heard again after the connection was lost without a word', async (t) => {
  const { postgres } = await startInfrastructure(t, { postgres: true })
  const link = await startLink()
  t.teardown(() => link.close())
  const url = new URL(postgres.url)
  link.leadTo([Number(url.port)])
  url.port = String(link.port)

  let heard = 0
  const log = createLogger({ name: 'test', level: 'silent' })
  const listener = listenForOutbox({ url: url.href, onNews: () => void heard++, log })
  t.teardown(() => listener.close())
  await eventually(() => heard === 1, { what: 'the connection' })
  await sql(postgres.url, 'NOTIFY outbox')
  await eventually(() => heard === 2, { what: 'the news' })

  link.blackHole()
  link.heal()
  await eventually(() => heard === 3, { what: 'another connection' })
  await sql(postgres.url, 'NOTIFY outbox')
  await eventually(() => heard === 4, { what: 'the news again' })
})
