import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { eventually } from '@rekey/test-support/eventually'
import t, { type Test } from 'tap'
import { startNotifier, startServers } from '../app.fixture.ts'
import { startSmtpListener } from './smtp.fixture.ts'

const waiting = 500
const isNotification = (content: string) => content.includes('please set a new password')
const isSmsNotification = (content: string) => content.includes('set a new password when you sign in')

/** An SMS vendor that answers codes, and never a notification. */
const startVendor = async (t: Test) => {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(body)
      if (!isSmsNotification(body)) response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sms`, bodies }
}

t.test('a code is mailed while 500 notifications wait and the server takes none', async (t) => {
  const smtp = await startSmtpListener(t, { behaviours: (raw) => (isNotification(raw) ? 'stall' : 'accept') })
  const servers = await startServers(t, { SMTP_URL: smtp.url, REKEY_NOTIFICATION_CONNECTIONS: '3' })
  await startNotifier(t, servers)
  await servers.publishNotifications(waiting)
  const notifications = () => smtp.mails.filter(isNotification).length
  await eventually(() => notifications() >= 3, { what: 'every connection for notifications to be busy' })

  const codes = await Promise.all(Array.from({ length: 4 }, () => servers.publishCode()))
  await eventually(() => codes.every(({ id }) => smtp.messageIds().includes(`${id}@rekey.test`)), {
    what: 'the codes',
  })
  t.ok(notifications() <= 6, `${notifications()} notifications were tried before the codes`)
})

t.test('a code goes out by SMS while 500 notifications wait and the vendor takes none', async (t) => {
  const vendor = await startVendor(t)
  const servers = await startServers(t, { REKEY_SMS_URL: vendor.url, REKEY_NOTIFICATION_CONNECTIONS: '3' })
  await startNotifier(t, servers)
  const to = { channel: 'sms', to: '+447700900001' } as const
  await servers.publishNotifications(waiting, to)
  const notifications = () => vendor.bodies.filter(isSmsNotification).length
  await eventually(() => notifications() >= 3, { what: 'every connection for notifications to be busy' })

  const { id } = await servers.publishCode({ to })
  await eventually(() => vendor.bodies.some((body) => body.includes(id)), { what: 'the code' })
  t.ok(notifications() <= 6, `${notifications()} notifications were tried before the code`)
})

t.test('no more connections are open than configured, and mail that waits for one does not time out', async (t) => {
  const smtp = await startSmtpListener(t, { takesMs: 100 })
  const servers = await startServers(t, { SMTP_URL: smtp.url, REKEY_CODE_CONNECTIONS: '2' })
  const { logs } = await startNotifier(t, servers)
  // The first connection is the question for SMTPUTF8.
  await eventually(() => logs().includes('mail_server_extensions') && smtp.connections() === 0)
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, smtp.connections())
  }, 5)
  t.teardown(() => clearInterval(watch))
  await Promise.all(Array.from({ length: 40 }, () => servers.publishCode()))
  await servers.waitForEmptyQueue()
  t.ok(most <= 2, `${most} connections`)
  t.equal(smtp.mails.length, 40)
  t.notMatch(logs(), 'mail not sent')
})

t.test('a code that expires while it waits for a connection is not sent', async (t) => {
  const smtp = await startSmtpListener(t, { behaviours: ['stall', 'accept'] })
  const servers = await startServers(t, { SMTP_URL: smtp.url, REKEY_CODE_CONNECTIONS: '1' })
  let offsetMs = 0
  await startNotifier(t, servers, () => new Date(Date.now() + offsetMs))
  await servers.publishCode({ expiresAt: new Date(Date.now() + 3_600_000).toISOString() })
  await eventually(() => smtp.mails.length === 1, { what: 'the connection to be busy' })
  const late = await servers.publishCode({ expiresAt: new Date(Date.now() + 60_000).toISOString() })
  await eventually(async () => {
    const info = await (await servers.broker.connected())
      .jetstreamManager()
      .then((jsm) => jsm.consumers.info('NOTIFY', 'notifier-notify-code'))
    return info.num_ack_pending === 2
  })
  offsetMs = 120_000
  t.match(await servers.waitForDeadLetter(), { reason: /expired/ })
  await servers.waitForEmptyQueue()
  t.notOk(smtp.messageIds().includes(`${late.id}@rekey.test`))
})
