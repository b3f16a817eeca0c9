import { version } from '@rekey/contracts'
import { createBackgroundPublisher } from '@rekey/platform/background-publisher'
import { connectBroker } from '@rekey/platform/broker'
import { brokerAccess } from '@rekey/platform/broker-access'
import { logsRequests } from '@rekey/platform/config'
import type { Consumer } from '@rekey/platform/consumer'
import { accepts, watchDependencies } from '@rekey/platform/dependencies'
import { health } from '@rekey/platform/health'
import { measureKeyFiles } from '@rekey/platform/key-age'
import { toKeys } from '@rekey/platform/keys'
import { createProgress } from '@rekey/platform/progress'
import { createPublisher } from '@rekey/platform/publisher'
import { createReplay } from '@rekey/platform/replay'
import { serveRpcs } from '@rekey/platform/rpc'
import type { Runtime } from '@rekey/platform/run'
import { createServer, type Server } from '@rekey/platform/server'
import { watchStreams } from '@rekey/platform/stream-watch'
import { ensureStreams } from '@rekey/platform/streams'
import { createTls } from '@rekey/platform/tls'
import { readTheme } from '@rekey/texts'
import { createBounceAddresses } from './bounce-reports/bounce-address.ts'
import { createBounceReports } from './bounce-reports/bounce-reports.ts'
import { createBounces } from './channels/bounces.ts'
import { createDelivery, type Delivery } from './channels/delivery.ts'
import { createSms } from './channels/sms.ts'
import { createSmtp } from './channels/smtp.ts'
import { type Config, smsBounceCodes } from './config.ts'
import { sendAddressRemoved } from './messages/address-removed/address-removed.consumer.ts'
import { sendAskedWhileBlocked } from './messages/asked-while-blocked/asked-while-blocked.consumer.ts'
import { sendCodes } from './messages/code/code.consumer.ts'
import { sendFactorsChanged } from './messages/factors-changed/factors-changed.consumer.ts'
import { createHandovers } from './messages/handovers.ts'
import type { MessageDeps } from './messages/message.ts'
import { createOutcomes } from './messages/outcomes.ts'
import { sendPasswordChanged } from './messages/password-changed/password-changed.consumer.ts'
import { createPresentations } from './messages/presentation.ts'
import { sendProtectionChanged } from './messages/protection-changed/protection-changed.consumer.ts'
import { sendResetRequested } from './messages/reset-requested/reset-requested.consumer.ts'
import { sendRestoreBlocked } from './messages/restore-blocked/restore-blocked.consumer.ts'
import { sendRestoreWaiting } from './messages/restore-waiting/restore-waiting.consumer.ts'
import { createSealedFields } from './messages/sealed-fields.ts'
import { sendTemporaryPasswords } from './messages/temporary-password/temporary-password.consumer.ts'
import { sendVerifications } from './messages/verification/verification.consumer.ts'

/** Somebody waits for these, in front of a page or on the phone. */
const awaited = [sendCodes, sendTemporaryPasswords, sendVerifications]
const notifications = [
  sendPasswordChanged,
  sendResetRequested,
  sendRestoreBlocked,
  sendProtectionChanged,
  sendAddressRemoved,
  sendFactorsChanged,
  sendAskedWhileBlocked,
  sendRestoreWaiting,
]

/** A hanging connection delays an awaited message least if it is given up soon; a notification is rather sent late than twice. */
const timeoutMs = { awaited: 7_500, notifications: 20_000 }

export const createApp = async (config: Config, { log, metrics, now, random }: Runtime): Promise<Server> => {
  const tls = createTls(config, { log, metrics })
  const broker = connectBroker({ ...brokerAccess(config), name: 'notifier', log, metrics })
  ensureStreams(broker, ['NOTIFY', 'MESSAGE'], config)
  const elapsedMs = () => performance.now()
  const progress = createProgress({ elapsedMs, metrics })
  const streamWatch = watchStreams(['NOTIFY', 'MESSAGE'], { broker, metrics, progress, now, log })
  const retryMs = config.REKEY_EVENT_RETRY_HOURS * 3_600_000

  const publisher = createPublisher({ broker, source: 'notifier', now, random })
  const backgroundPublisher = createBackgroundPublisher({ publisher, broker, elapsedMs, metrics, progress, log })
  const outcomes = createOutcomes({ publisher, backgroundPublisher, now })
  const bounces = createBounces({ metrics, log })
  const handovers = createHandovers({ metrics, now })
  const consuming = { broker, metrics, progress, now, random, log, service: 'notifier', retryMs }
  const addressKeys = toKeys(config.REKEY_ADDRESS_SEAL_KEY)
  const sealedFields = createSealedFields({
    codeKeys: toKeys(config.REKEY_CODE_SEAL_KEY),
    addressKeys,
  })
  const { REKEY_BOUNCE_DOMAIN: domain, HOST: host, REKEY_BOUNCE_PORT: port } = config
  const bounceAddresses = domain ? createBounceAddresses({ keys: addressKeys, domain, now }) : undefined
  const reporting = { bounces, publisher, now, tls: tls.listener }
  const bounceReports =
    bounceAddresses && (await createBounceReports({ ...reporting, host, port, addresses: bounceAddresses }))
  const present = createPresentations(config, readTheme(config.REKEY_THEME_DIR))
  /** Connections of their own, so that a million notifications do not delay an awaited message. */
  const createOwnDelivery = (connections: number, timeoutMs: number) => {
    const own = { connections, timeoutMs }
    const smtp = createSmtp({
      url: config.SMTP_URL,
      from: config.REKEY_MAIL_FROM,
      bounceAddressOf: bounceAddresses?.addressOf,
      requireTls: config.REKEY_PROFILE === 'production',
      ehloName: config.REKEY_SMTP_EHLO,
      ...own,
    })
    const { REKEY_SMS_URL: url, REKEY_SMS_TOKEN: token } = config
    const sms = url ? createSms({ url, token, bounceCodes: smsBounceCodes(config), ...own }) : undefined
    return { smtp, ...createDelivery({ smtp, sms, bounces, metrics, now, log }) }
  }
  const first = createOwnDelivery(config.REKEY_CODE_CONNECTIONS, timeoutMs.awaited)
  const second = createOwnDelivery(config.REKEY_NOTIFICATION_CONNECTIONS, timeoutMs.notifications)
  const start = (send: (deps: MessageDeps) => Consumer, delivery: Delivery, connections: number) =>
    send({ consuming, sealedFields, delivery, outcomes, handovers, concurrency: 2 * connections, present, now })
  const consumers = [
    ...awaited.map((send) => start(send, first, config.REKEY_CODE_CONNECTIONS)),
    ...notifications.map((send) => start(send, second, config.REKEY_NOTIFICATION_CONNECTIONS)),
  ]

  // Tells the operator how to set REKEY_SMTPUTF8. A server that is down at the start is asked when it matters.
  void first.smtp.offersSmtpUtf8().then(
    (smtpUtf8) => log.event('mail_server_extensions', { smtpUtf8 }),
    () => {},
  )

  const rpcs = serveRpcs(
    { broker, ready: async () => {}, random, metrics, log },
    { name: 'notifier', version, description: 'Mail and SMS.' },
    // Its events are of a work queue, whose dead letters need no proof.
    [createReplay({ service: 'notifier', broker, proofKeys: undefined, now, log })],
  )

  const app = await createServer({
    log,
    metrics,
    random,
    trustedProxies: [],
    logsRequests: logsRequests(config),
    tls: tls.listener,
  })
  const checks = { nats: () => broker.check(), smtp: () => first.smtp.check() }
  await app.register(health, { checks, progress })
  const { REKEY_SMS_URL: smsUrl } = config
  measureKeyFiles(metrics, { secrets: config.REKEY_SECRETS_FILE })
  watchDependencies(metrics, smsUrl === undefined ? checks : { ...checks, sms: accepts(smsUrl) })
  app.addHook('onClose', async () => {
    await Promise.all([rpcs.close(), bounceReports?.close()])
    const closing = consumers.map((consumer) => consumer.close())
    for (const delivery of [first, second]) delivery.stop()
    await Promise.all(closing)
    for (const delivery of [first, second]) delivery.close()
    await backgroundPublisher.close()
    await streamWatch.close()
    await broker.close()
    await tls.close()
  })
  return app
}
