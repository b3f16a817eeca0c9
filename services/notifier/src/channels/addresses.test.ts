import { readMailbox } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import fc from 'fast-check'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import t from 'tap'
import { startNotifier, startServers } from '../app.fixture.ts'
import { startSmtpListener } from './smtp.fixture.ts'

/** Offers each address to the server, as it is. @returns whether it is accepted as a recipient */
const connect = async (url: string) => {
  const { hostname, port } = new URL(url)
  const connection = new SMTPConnection({ host: hostname, port: Number(port) })
  await new Promise<void>((resolve, reject) => connection.connect((error) => (error ? reject(error) : resolve())))
  const isAccepted = (to: string) =>
    new Promise<boolean>((resolve, reject) => {
      connection.send({ from: 'a@example.com', to: [to] }, 'text', (error) => {
        if (error && error.code !== 'EENVELOPE') return reject(error)
        connection.reset((failure) => (failure ? reject(failure) : resolve(!error)))
      })
    })
  return { isAccepted, close: () => connection.close() }
}

const octets = (text: string) => Buffer.byteLength(text)
const atoms = [..."aZ09!#$%&'*+/=?^_`{|}~-éü中", '😀']
const atom = fc.array(fc.constantFrom(...atoms), { minLength: 1, maxLength: 20 }).map((parts) => parts.join(''))
const localPart = fc
  .array(fc.oneof({ weight: 8, arbitrary: atom }, { weight: 1, arbitrary: fc.constant('') }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join('.'))
const label = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/) },
  { weight: 2, arbitrary: fc.constantFrom('bücher', 'пример', '例え', 'straße') },
  { weight: 1, arbitrary: fc.constantFrom('', '-a', 'a-', 'a_b', 'x'.repeat(63), 'x'.repeat(64), 'a%61', '½') },
)
const domain = fc
  .tuple(
    fc.array(label, { minLength: 1, maxLength: 3 }),
    fc.constantFrom('com', 'example', 'xn--p1ai', 'рф', '1', '', 'c'),
  )
  .map(([labels, last]) => [...labels, last].join('.'))
const address = fc.tuple(localPart, domain).map((parts) => parts.join('@'))

t.test(
  'every address that import accepts is accepted by a mail server, and is sent as ASCII where it can be',
  async (t) => {
    const smtp = await startSmtpListener(t)
    const server = await connect(smtp.url)
    t.teardown(server.close)
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(address, async (given) => {
        const read = readMailbox(given)
        if ('error' in read) return
        const { address: sent, needsSmtpUtf8 } = read.mailbox
        // This server allows one byte less than RFC 5321 §4.5.3.1.3.
        if (octets(sent) === 254) return
        accepted += 1
        t.ok(await server.isAccepted(sent), sent)
        t.match(sent.slice(sent.lastIndexOf('@')), /^@[a-z0-9.-]+$/)
        t.equal(needsSmtpUtf8, octets(sent) > sent.length)
      }),
      { numRuns: 600 },
    )
    t.ok(accepted > 100, `${accepted} addresses were accepted`)
  },
)

t.test('every address that a mail server refuses is refused by import', async (t) => {
  const smtp = await startSmtpListener(t)
  const server = await connect(smtp.url)
  t.teardown(server.close)
  let refused = 0
  await fc.assert(
    fc.asyncProperty(address, async (given) => {
      if (await server.isAccepted(given)) return
      refused += 1
      const read = readMailbox(given)
      // A domain in Unicode is refused as it is, and accepted in A-labels.
      if ('mailbox' in read) t.not(read.mailbox.address, given, given)
    }),
    { numRuns: 600 },
  )
  t.ok(refused > 50, `${refused} addresses were refused`)
})

t.test('odd addresses are refused with a code', async (t) => {
  const long = 'x'.repeat(60)
  const odd = {
    'a..b@example.com': 'invalid_local_part',
    '.a@example.com': 'invalid_local_part',
    'a.@example.com': 'invalid_local_part',
    '"a b"@example.com': 'invalid_local_part',
    '"a"@example.com': 'invalid_local_part',
    [`${'x'.repeat(65)}@example.com`]: 'invalid_local_part',
    [`${'é'.repeat(33)}@example.com`]: 'invalid_local_part',
    'a@-example.com': 'invalid_domain',
    'a@example-.com': 'invalid_domain',
    'a@ex_ample.com': 'invalid_domain',
    'a@example..com': 'invalid_domain',
    'a@example.com.': 'invalid_domain',
    'a@localhost': 'invalid_domain',
    'a@1.2.3.4': 'invalid_domain',
    'a@[1.2.3.4]': 'invalid_domain',
    'a@ex%61mple.com': 'invalid_domain',
    [`a@${'x'.repeat(64)}.com`]: 'invalid_domain',
    [`a@${'ü'.repeat(63)}.com`]: 'invalid_domain',
    [`aaaa@${long}.${long}.${long}.${long}.example`]: 'address_too_long',
  }
  for (const [given, code] of Object.entries(odd)) t.match(readMailbox(given), { error: { code } }, given)
  t.match(readMailbox(`${'x'.repeat(64)}@bücher.example`), {
    mailbox: { address: `${'x'.repeat(64)}@xn--bcher-kva.example`, needsSmtpUtf8: false },
  })
  t.match(readMailbox('zoë@example.com'), { mailbox: { needsSmtpUtf8: true } })
})

t.test('a code to an address that no mail server takes becomes a dead letter at once', async (t) => {
  const smtp = await startSmtpListener(t)
  const servers = await startServers(t, { SMTP_URL: smtp.url })
  await startNotifier(t, servers)
  await servers.publishCode({ to: { to: 'a..b@example.com' } })
  t.match(await servers.waitForDeadLetter(), { reason: 'mail not sent: invalid_local_part' })
  await servers.waitForEmptyQueue()
  t.same(smtp.recipients, [])
})

t.test('a code to an address of the other channel becomes a dead letter', async (t) => {
  const servers = await startServers(t)
  await startNotifier(t, servers)
  await servers.publishCode({ to: { channel: 'sms', to: 'a@example.com' } })
  t.match(await servers.waitForDeadLetter(), { reason: 'the address is not of the channel' })
})

t.test('SMTPUTF8 is offered before mail to a part that is not ASCII is tried', async (t) => {
  const smtp = await startSmtpListener(t, { hidesSmtpUtf8: true })
  const servers = await startServers(t, { SMTP_URL: smtp.url })
  const { logs } = await startNotifier(t, servers)
  await servers.publishCode({ to: { to: 'zoë@example.com' } })
  t.match(await servers.waitForDeadLetter(), { reason: 'mail not sent: the mail server does not offer SMTPUTF8' })
  t.same(smtp.recipients, [])
  await servers.publishCode({ to: { to: 'zoe@bücher.example' } })
  await servers.waitForEmptyQueue()
  t.equal(smtp.recipients.length, 1, 'a domain that is not ASCII needs no SMTPUTF8')
  await eventually(() => logs().includes('"smtpUtf8":false'))
})

t.test('mail to a part that is not ASCII is sent where SMTPUTF8 is offered', async (t) => {
  const smtp = await startSmtpListener(t)
  const servers = await startServers(t, { SMTP_URL: smtp.url })
  await startNotifier(t, servers)
  await servers.publishCode({ to: { to: 'zoë@example.com' } })
  await servers.waitForEmptyQueue()
  t.same(smtp.recipients, ['zoë@example.com'])
})

t.test('EHLO names the configured host, or the domain of the sender', async (t) => {
  for (const [name, expected] of [
    ['notifier.bank.example', 'notifier.bank.example'],
    ['', 'rekey.test'],
  ] as const) {
    const smtp = await startSmtpListener(t)
    const servers = await startServers(t, { SMTP_URL: smtp.url, REKEY_SMTP_EHLO: name })
    const { app } = await startNotifier(t, servers)
    await servers.publishCode()
    await servers.waitForEmptyQueue()
    t.same(smtp.greetings, [expected])
    await app.close()
  }
})
