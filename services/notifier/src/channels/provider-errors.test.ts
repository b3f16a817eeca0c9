import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { freePort } from '@rekey/local-servers/ports'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { SMTPServer } from 'smtp-server'
import t, { type Test } from 'tap'
import { createBounces } from './bounces.ts'
import { createDelivery } from './delivery.ts'
import { startVendor } from './sms.fixture.ts'
import { createSms } from './sms.ts'
import { startSmtpListener } from './smtp.fixture.ts'
import { createSmtp } from './smtp.ts'

/** Longer than a busy machine needs; short for the servers that never answer. */
const usualTimeoutMs = 30_000
const shortTimeoutMs = 500

const log = createLogger({ name: 'test', level: 'silent' })
const mail = { subject: 'a code', text: 'text', html: '<p>text</p>' }

/** Sends one message over each channel, and returns the errors that were counted. */
const errorsOf = async (
  t: Test,
  { smtpUrl, smsUrl, timeoutMs = usualTimeoutMs }: { smtpUrl: string; smsUrl: string; timeoutMs?: number },
) => {
  const metrics = createMetrics()
  const smtp = createSmtp({
    url: smtpUrl,
    from: 'Rekey <a@rekey.test>',
    requireTls: false,
    ehloName: undefined,
    connections: 1,
    timeoutMs,
  })
  const sms = createSms({ url: smsUrl, token: undefined, connections: 1, timeoutMs })
  const delivery = createDelivery({
    smtp,
    sms,
    bounces: createBounces({ metrics, log }),
    metrics,
    now: () => new Date(),
    log,
  })
  t.teardown(() => delivery.close())
  const occasion = (id: string) => ({ id, type: 'notify.code' })
  const recipient = { locale: 'en', timezone: 'Etc/UTC' }
  const message = { mail, sms: 'text' }
  await delivery.send(occasion('1'), { ...recipient, channel: 'email', to: 'b@example.com' }, message).catch(() => {})
  await delivery.send(occasion('2'), { ...recipient, channel: 'sms', to: '+447700900123' }, message).catch(() => {})
  const { values } = (await metrics.getSingleMetric('rekey_provider_errors_total')?.get()) ?? { values: [] }
  return values.filter(({ value }) => value > 0).map(({ labels }) => `${labels.channel} ${labels.kind}`)
}

t.test('an error of the mail server or SMS vendor is counted by its kind', async (t) => {
  const closed = await freePort()
  const refused = await startSmtpListener(t, { recipientRefusal: { responseCode: 550 } })
  const stalled = await startSmtpListener(t, { behaviours: ['stall'] })
  const wary = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: (_auth, _session, done) => done(new Error('wrong password')),
  }).listen(0, '127.0.0.1')
  await once(wary, 'listening')
  t.teardown(() => new Promise<void>((done) => wary.close(() => done())))
  const waryUrl = `smtp://user:secret@127.0.0.1:${(wary.address() as AddressInfo).port}`

  const cases: [smtpUrl: string, smsUrl: string, kind: string][] = [
    [`smtp://127.0.0.1:${closed}`, `http://127.0.0.1:${closed}`, 'connection'],
    [refused.url, await startVendor(t, 500), 'refused'],
    [stalled.url, await startVendor(t), 'timeout'],
    [waryUrl, await startVendor(t, 401), 'authentication'],
  ]
  for (const [smtpUrl, smsUrl, kind] of cases) {
    const timeoutMs = kind === 'timeout' ? shortTimeoutMs : usualTimeoutMs
    t.same(await errorsOf(t, { smtpUrl, smsUrl, timeoutMs }), [`email ${kind}`, `sms ${kind}`], kind)
  }
  const sound = await startSmtpListener(t)
  t.same(await errorsOf(t, { smtpUrl: sound.url, smsUrl: await startVendor(t, 200) }), [], 'a message that was sent')
})
