import { freePort } from '@rekey/local-servers/ports'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { startNotifier, startServers } from '../app.fixture.ts'
import { startVendor } from '../channels/sms.fixture.ts'
import { startSmtpListener } from '../channels/smtp.fixture.ts'

type Servers = Awaited<ReturnType<typeof startServers>>

const outcome = (servers: Servers, status: string) =>
  eventually(async () => (await servers.outcomes()).find((found) => found.status === status), {
    what: `the outcome ${status}`,
  })

const sms = { customerId: 7, to: { channel: 'sms' as const, to: '+447700900001' } }

t.test('B13: a message that was handed over has one outcome, before its event is acknowledged', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  const { id } = await servers.publishCode({ customerId: 7 })
  await servers.publishCode(sms)
  await servers.publishCode()
  await servers.waitForEmptyQueue()
  const outcomes = await servers.outcomes()
  t.equal(outcomes.length, 2, 'an event that names no customer has none')
  const mailed = outcomes.find(({ messageId }) => messageId === id)
  t.match(mailed, { customerId: 7, channel: 'email', status: 'handed_over', attempts: 1, answer: /^250 / })
  t.match(
    outcomes.find(({ channel }) => channel === 'sms'),
    { status: 'handed_over', answer: /^status 20\d$/ },
  )
})

t.test('B13: a failed attempt is deferred, with its number, until the message is handed over', async (t) => {
  const port = await freePort()
  const servers = await startServers(t, { SMTP_URL: `smtp://127.0.0.1:${port}` })
  await startNotifier(t, servers)
  await servers.publishCode({ customerId: 7 })
  await eventually(async () => (await servers.outcomes()).length >= 2, { what: 'two attempts' })
  const [first, second] = await servers.outcomes()
  t.match(
    [first, second],
    [
      { status: 'deferred', attempts: 1, answer: 'no answer: ESOCKET' },
      { status: 'deferred', attempts: 2 },
    ],
  )
  await startSmtpListener(t, { port })
  const last = await outcome(servers, 'handed_over')
  t.ok(last.attempts > 2)
})

t.test('B13: a message that the mail server rejects for good is refused, with its words but no address', async (t) => {
  const recipientRefusal = { responseCode: 550, message: '5.1.1 <bpmtestusr1@gmail.com>: no mailbox "bpmtestusr1"' }
  const smtp = await startSmtpListener(t, { recipientRefusal })
  const servers = await startServers(t, { SMTP_URL: smtp.url })
  await startNotifier(t, servers)
  await servers.publishCode({ customerId: 7 })
  t.match(await outcome(servers, 'refused'), { attempts: 1, channel: 'email', answer: '550 5.1.1 : no mailbox' })
})

t.test('B13: a message is refused or expired without an attempt if none is possible', async (t) => {
  const servers = await startServers(t, { REKEY_SMS_URL: '' })
  await startNotifier(t, servers)
  await servers.publishCode({ customerId: 7, expiresAt: new Date(Date.now() - 1_000).toISOString() })
  const expired = await outcome(servers, 'expired')
  t.match(expired, { attempts: 0, answer: 'the code expired before it could be sent' })
  t.notOk(expired.channel)
  await servers.publishCode(sms)
  t.match(await outcome(servers, 'refused'), { attempts: 0, channel: 'sms', answer: 'no SMS vendor is configured' })
})

t.test('B13: the SMS vendor’s answer is read as far as it has words, without the number', async (t) => {
  const answers = [
    {
      body: '{"error":{"code":"invalid_number","message":"Not a mobile: +44 7700 900001"}}',
      words: 'invalid_number Not a mobile:',
    },
    { body: '<html>7700900001</html>', type: 'text/html', words: '' },
    { body: 'blocked by the carrier', type: 'text/plain', words: 'blocked by the carrier' },
  ]
  for (const { body, type = 'application/json', words } of answers) {
    const servers = await startServers(t, { REKEY_SMS_URL: await startVendor(t, 422, body, type) })
    await startNotifier(t, servers)
    await servers.publishCode(sms)
    t.equal((await outcome(servers, 'refused')).answer, `status 422 ${words}`.trim())
  }
})

t.test('B13: a message is sent once, and waits for nothing, while its outcome cannot be stored', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await servers.publishCode({ customerId: 7 })
  await servers.waitForEmptyQueue()
  const jsm = await servers.broker.connection().jetstreamManager()
  const { config } = await jsm.streams.info('MESSAGE')
  await jsm.streams.delete('MESSAGE')
  const { id } = await servers.publishCode({ customerId: 7 })
  await servers.waitForEmptyQueue()
  t.equal((await servers.inbox.messages()).length, 2)
  await jsm.streams.add(config)
  t.equal((await outcome(servers, 'handed_over')).messageId, id, 'it is published once it can be')
})
