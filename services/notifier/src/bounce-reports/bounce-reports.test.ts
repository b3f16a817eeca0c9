import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { freePort } from '@rekey/local-servers/ports'
import { writeCertificate } from '@rekey/test-support/certificate'
import { eventually } from '@rekey/test-support/eventually'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import t, { type Test } from 'tap'
import { startNotifier, startServers } from '../app.fixture.ts'
import { startSmtpListener } from '../channels/smtp.fixture.ts'
import { notification } from './report.fixture.ts'

interface Bringing {
  to?: string
  from?: string
  /** Settings of STARTTLS; undefined: plaintext. */
  tls?: { ca: string; servername: string }
}

/** A notifier that has sent one code, the bounce address of the code, and a function that returns a mail to the notifier. */
const start = async (t: Test, env: Record<string, string> = {}) => {
  const port = await freePort()
  const smtp = await startSmtpListener(t)
  const bounce = { REKEY_BOUNCE_DOMAIN: 'bounce.rekey.test', REKEY_BOUNCE_PORT: String(port) }
  const servers = await startServers(t, { SMTP_URL: smtp.url, ...bounce, ...env })
  const notifier = await startNotifier(t, servers)
  const { id } = await servers.publishCode({ customerId: 7 })
  await servers.waitForEmptyQueue()
  const address = smtp.senders[0]?.address ?? ''

  /** @returns the answer of the notifier */
  const bring = async (mail: string, { to = address, from = '', tls }: Bringing = {}) => {
    const connection = new SMTPConnection({ host: '127.0.0.1', port, ignoreTLS: !tls, ...(tls && { tls }) })
    try {
      return await new Promise<string>((resolve) => {
        const answer = (failure?: (Error & { response?: string | undefined }) | null) =>
          resolve(failure?.response ?? String(failure))
        connection.on('error', answer)
        connection.connect(() =>
          connection.send({ from: from || false, to }, mail, (failure, info) => {
            if (failure) answer(failure)
            else resolve(info?.response ?? '')
          }),
        )
      })
    } finally {
      connection.close()
    }
  }
  return { port, smtp, servers, notifier, id, address, bring }
}

t.test('a bounced mail is counted once, logged, and published as the outcome of its message', async (t) => {
  const { smtp, servers, notifier, id, address, bring } = await start(t)
  t.match(address, /^bounce\+[0-9a-f]{56}@bounce\.rekey\.test$/)
  t.equal(smtp.senders[0]?.returns, 'HDRS', 'the mail server is asked to return the header alone')
  t.match(smtp.mails[0], /^From: Rekey <no-reply@rekey\.test>\r$/m, 'the customer sees the usual sender')
  t.equal(await bring(notification()), '250 2.0.0 Taken: the bounce is counted')
  t.equal(await bring(notification()), '250 2.0.0 Taken: nothing to count')
  t.same(await notifier.figures('rekey_message_bounces_total'), ['channel=email reason=unknown_address: 1'])
  t.same(await notifier.figures('rekey_bounce_reports_total'), ['result=counted: 1', 'result=repeated: 1'])
  t.match((await servers.outcomes()).at(-1), {
    messageId: id,
    channel: 'email',
    status: 'bounced',
    attempts: 0,
    answer: '550 5.1.1 unknown address',
  })
  const line = await eventually(() =>
    notifier
      .logs()
      .split('\n')
      .find((text) => text.includes('message_bounced')),
  )
  t.match(JSON.parse(line), { eventId: id, learnt: 'report', reason: 'unknown_address' })
  t.notMatch(JSON.stringify(await servers.outcomes()) + line, 'bpmtestusr1')
})

t.test('what is no notification of a failure is answered, and counts for nothing', async (t) => {
  const { servers, notifier, address, bring } = await start(t)
  const forged = address.replace(/[0-9a-f]@/, (end) => (end === '0@' ? '1@' : '0@'))
  const report = notification()
  t.match(await bring(report, { to: forged }), /^550 5\.1\.1 /, 'a forged address')
  t.match(await bring(report, { to: 'no-reply@rekey.test' }), /^550 5\.1\.1 /, 'another address')
  t.match(await bring(report, { from: 'someone@example.com' }), /^550 5\.7\.1 /, 'a mail with a sender')
  t.match(await bring('Subject: Out of office\r\n\r\nI am away.\r\n'), /^554 5\.6\.0 /, 'other mail')
  t.match(await bring(report.slice(0, 400)), /^554 5\.6\.0 /, 'a broken notification')
  t.match(await bring(report + 'x'.repeat(300_000)), /^552 /, 'a mail that is too large')
  const delayed = notification({ recipient: ['Action: delayed', 'Status: 4.4.1'] })
  t.match(await bring(delayed), /^250 /, 'a delay')
  t.same(await notifier.figures('rekey_message_bounces_total'), [])
  t.same((await notifier.figures('rekey_bounce_reports_total')).toSorted(), [
    'result=forged: 2',
    'result=no_failure: 1',
    'result=not_a_report: 3',
    'result=too_large: 1',
  ])
  t.equal((await servers.outcomes()).length, 1, 'the hand-over alone')
})

t.test('a mail beyond the size is read to its end, and refused, also if its size was not declared', async (t) => {
  const { port, notifier, address, bring } = await start(t)
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  t.teardown(() => socket.destroy())
  let received = ''
  socket.on('data', (text) => {
    received += text
  })
  const say = async (line: string, reply: RegExp) => {
    received = ''
    socket.write(`${line}\r\n`)
    await eventually(() => reply.test(received), { what: `${reply} as the answer to ${line.slice(0, 20)}` })
  }
  await eventually(() => /^220 /.test(received), { what: 'the greeting' })
  await say('EHLO mail.example', /^250 /m)
  await say('MAIL FROM:<>', /^250 /m)
  await say(`RCPT TO:<${address}>`, /^250 /m)
  await say(`RCPT TO:<${address}>`, /^452 4\.5\.3 /m)
  await say('DATA', /^354 /m)
  await say(`${'x'.repeat(70)}\r\n`.repeat(10_000) + '.', /^552 /m)
  t.same(await notifier.figures('rekey_bounce_reports_total'), ['result=too_large: 1'])
  t.match(await bring(notification()), /^250 /, 'a later notification is taken')
})

t.test('a bounce that the broker cannot store is asked for again, and none is lost', async (t) => {
  const { servers, notifier, bring } = await start(t)
  const jsm = await servers.broker.connection().jetstreamManager()
  const { config } = await jsm.streams.info('MESSAGE')
  await jsm.streams.delete('MESSAGE')
  t.match(await bring(notification()), /^451 4\.3\.0 /)
  t.same(await notifier.figures('rekey_message_bounces_total'), [])
  await jsm.streams.add(config)
  t.match(await bring(notification()), /^250 /)
  t.same(await notifier.figures('rekey_message_bounces_total'), ['channel=email reason=unknown_address: 1'])
  t.match((await servers.outcomes()).at(-1), { status: 'bounced' })
})

t.test(
  'a hundred notifications at a time of one message count once; further connections are asked to wait',
  async (t) => {
    const { notifier, bring } = await start(t)
    const answers = await Promise.all(Array.from({ length: 100 }, () => bring(notification())))
    const codes = new Set(answers.map((answer) => answer.slice(0, 3)))
    t.ok(codes.has('250'))
    for (const answer of answers) t.match(answer, /^(250|421) /)
    t.same(await notifier.figures('rekey_message_bounces_total'), ['channel=email reason=unknown_address: 1'])
  },
)

t.test('a notifier with a certificate takes notifications over STARTTLS alone', async (t) => {
  const { certFile, keyFile } = await writeCertificate(t.testdir())
  const { bring } = await start(t, { REKEY_TLS_CERT: certFile, REKEY_TLS_KEY: keyFile })
  t.match(await bring(notification()), /^530 5\.7\.0 /)
  const tls = { ca: readFileSync(certFile, 'utf8'), servername: 'localhost' }
  t.equal(await bring(notification(), { tls }), '250 2.0.0 Taken: the bounce is counted')
})

t.test('without a bounce domain mail has its usual sender, and nothing listens', async (t) => {
  const smtp = await startSmtpListener(t)
  const port = await freePort()
  const servers = await startServers(t, { SMTP_URL: smtp.url, REKEY_BOUNCE_PORT: String(port) })
  await startNotifier(t, servers)
  await servers.publishCode({ customerId: 7 })
  await servers.waitForEmptyQueue()
  t.same(
    smtp.senders.map(({ address }) => address),
    ['no-reply@rekey.test'],
  )
  const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException]
  t.equal(error.code, 'ECONNREFUSED')
})
