import { randomBytes } from 'node:crypto'
import {
  deadLetters,
  type EventData,
  type MessageOutcome,
  NotifyCode,
  NotifyResetRequested,
  type Recipient,
} from '@rekey/contracts'
import { connectBroker } from '@rekey/platform/broker'
import type { Now } from '@rekey/platform/clock'
import { loadConfig } from '@rekey/platform/config'
import { toKeys } from '@rekey/platform/keys'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { createPublisher } from '@rekey/platform/publisher'
import { systemRandom } from '@rekey/platform/random'
import { seal } from '@rekey/platform/seal'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure, type Teardown } from '@rekey/test-support/infrastructure'
import { declaredLines } from '@rekey/test-support/log-lines'
import { createApp } from './app.ts'
import { Env } from './config.ts'

const newKey = () => randomBytes(32).toString('base64url')

export const recipient: Recipient = {
  channel: 'email',
  to: 'bpmtestusr1@gmail.com',
  locale: 'en-GB',
  timezone: 'Asia/Nicosia',
}

export const reportLink = 'https://bank.example/n/mV3r_kQ9-0aZ1bY2cX4dWg'

/** A link of a password-service of an earlier version. */
export const sealedReportLink = `https://bank.example/not-me?token=${'eyJhbGciOiJkaXIifQ..'.padEnd(196, 'x')}`

const connectQuietly = (url: string) =>
  connectBroker({ url, name: 'test', log: createLogger({ name: 'test', level: 'silent' }), metrics: createMetrics() })

/** A real broker and inbox, and functions that publish as the password-service does. */
export const startServers = async (t: Teardown, env: Record<string, string> = {}) => {
  const { nats, inbox } = await startInfrastructure(t, { nats: true, inbox: true })
  const variables = {
    REKEY_PROFILE: 'sandbox',
    PORT: '0',
    LOG_LEVEL: 'trace',
    NATS_URL: nats.url,
    SMTP_URL: inbox.smtpUrl,
    REKEY_SMS_URL: `${inbox.httpUrl}/api/v1/sms`,
    REKEY_MAIL_FROM: 'Rekey <no-reply@rekey.test>',
    REKEY_PUBLIC_URL: 'https://bank.example',
    REKEY_CODE_SEAL_KEY: newKey(),
    REKEY_ADDRESS_SEAL_KEY: newKey(),
    ...env,
  }
  const codeKey = toKeys(variables.REKEY_CODE_SEAL_KEY)
  const addressKey = toKeys(variables.REKEY_ADDRESS_SEAL_KEY)

  const broker = connectQuietly(nats.url)
  t.teardown(() => broker.close())
  const publisher = createPublisher({ broker, source: 'test', now: () => new Date(), random: systemRandom })
  const manager = async () => (await broker.connected()).jetstreamManager()

  /** Publishes once the streams exist: a notifier creates them at its start. */
  const publish: typeof publisher.publish = (definition, event) =>
    eventually(
      async () => {
        await publisher.publish(definition, event)
        return true
      },
      { what: `${definition.type} to be stored`, timeoutMs: 30_000 },
    ).then(() => {})

  return {
    nats,
    inbox,
    variables,
    broker,
    publish,
    sealAddress: (context: string, value: unknown) => seal(addressKey, context, value),

    /** The sealed fields of a notification, for the event with this id. */
    sealNotification: async (id: string, to: Partial<Recipient> = {}, link = reportLink) => ({
      recipient: await seal(addressKey, id, { ...recipient, ...to }),
      reportLink: await seal(addressKey, id, link),
    }),

    /** Publishes `notify.code` as the password-service does, with the fields of the test. */
    async publishCode({
      code = '012345',
      to = {},
      sealedFor,
      ...data
    }: Partial<EventData<typeof NotifyCode>> & { to?: Partial<Recipient>; sealedFor?: string } = {}) {
      const challengeId = systemRandom.id()
      const id = `${challengeId}.1`
      await publish(NotifyCode, {
        id,
        subject: challengeId,
        data: {
          challengeId,
          purpose: 'restore',
          recipient: await seal(addressKey, challengeId, { ...recipient, ...to }),
          code: await seal(codeKey, sealedFor ?? challengeId, code),
          verificationCode: '7024',
          expiresAt: new Date(Date.now() + 600_000).toISOString(),
          ...data,
        },
      })
      return { id, challengeId }
    },

    /** Publishes notifications of a reset, in parallel. */
    async publishNotifications(count: number, to: Partial<Recipient> = {}) {
      const requestedAt = new Date().toISOString()
      await Promise.all(
        Array.from({ length: count }, async () => {
          const id = systemRandom.id()
          const data = { ...(await this.sealNotification(id, to)), requestedAt }
          await publish(NotifyResetRequested, { id, subject: id, data })
        }),
      )
    },

    /** All messages of a stream. */
    async stored(stream: string) {
      const jsm = await manager()
      const { state } = await jsm.streams.info(stream)
      const numbers = Array.from({ length: state.messages }, (_, index) => state.first_seq + index)
      return Promise.all(numbers.map((seq) => jsm.streams.getMessage(stream, { seq })))
    },

    /** What the notifier published of messages. */
    async outcomes() {
      return (await this.stored('MESSAGE')).map((message) => message.json<EventData<typeof MessageOutcome>>())
    },

    /** Waits for the one dead letter and returns its subject and reason. */
    waitForDeadLetter() {
      return eventually(
        async () => {
          const [letter] = await this.stored(deadLetters.name)
          return letter && { subject: letter.subject, reason: letter.header.get('rekey-reason') }
        },
        { what: 'a dead letter' },
      )
    },

    /** Waits until the notifier has handled every event. */
    waitForEmptyQueue() {
      return eventually(async () => (await this.stored('NOTIFY')).length === 0, {
        what: 'an empty queue',
      })
    },
  }
}

type Servers = Awaited<ReturnType<typeof startServers>>

/** Starts a notifier in this process, and keeps its log. */
export const startNotifier = async (
  t: Teardown,
  { variables }: Pick<Servers, 'variables'>,
  now: Now = () => new Date(),
) => {
  const lines: string[] = []
  const destination = declaredLines(t, (line) => void lines.push(line))
  const log = createLogger({ name: 'notifier', level: 'trace', destination })
  const metrics = createMetrics()
  const app = await createApp(loadConfig(Env, variables), { log, metrics, now, random: systemRandom })
  t.teardown(() => app.close())
  await app.ready()
  return {
    app,
    logs: () => lines.join(''),
    /** The values above 0 of a metric, each as `label=value …: number`. */
    async figures(name: string) {
      const { values } = (await metrics.getSingleMetric(name)?.get()) ?? { values: [] }
      const text = (labels: object) =>
        Object.entries(labels)
          .map((label) => label.join('='))
          .join(' ')
      return values.filter(({ value }) => value > 0).map(({ labels, value }) => `${text(labels)}: ${value}`)
    },
  }
}
