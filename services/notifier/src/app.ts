import { connectBroker } from '@rekey/platform/broker'
import { brokerAccess } from '@rekey/platform/broker-access'
import { health } from '@rekey/platform/health'
import { createProgress } from '@rekey/platform/progress'
import type { Runtime } from '@rekey/platform/run'
import { toKey } from '@rekey/platform/seal'
import { createServer, type Server } from '@rekey/platform/server'
import { watchStreams } from '@rekey/platform/stream-watch'
import { ensureStreams } from '@rekey/platform/streams'
import { createDelivery } from './channels/delivery.ts'
import { createSms } from './channels/sms.ts'
import { createSmtp } from './channels/smtp.ts'
import type { Config } from './config.ts'
import { sendCodes } from './messages/code/code.consumer.ts'
import type { MessageDeps } from './messages/message.ts'
import { sendPasswordChanged } from './messages/password-changed/password-changed.consumer.ts'
import { sendResetRequested } from './messages/reset-requested/reset-requested.consumer.ts'
import { sendRestoreBlocked } from './messages/restore-blocked/restore-blocked.consumer.ts'
import { createSealedFields } from './messages/sealed-fields.ts'
import { sendTemporaryPasswords } from './messages/temporary-password/temporary-password.consumer.ts'

const messages = [sendCodes, sendPasswordChanged, sendTemporaryPasswords, sendResetRequested, sendRestoreBlocked]

export const createApp = async (config: Config, { log, metrics, now, random }: Runtime): Promise<Server> => {
  const broker = connectBroker({ ...brokerAccess(config), name: 'notifier', log, metrics })
  ensureStreams(broker, ['NOTIFY'], config)
  const progress = createProgress({ elapsedMs: () => performance.now(), metrics })
  const streamWatch = watchStreams(['NOTIFY'], { broker, metrics, progress, now, log })
  const retryMs = config.REKEY_EVENT_RETRY_HOURS * 3_600_000

  const smtp = createSmtp({
    url: config.SMTP_URL,
    from: config.REKEY_MAIL_FROM,
    requireTls: config.REKEY_PROFILE === 'production',
  })
  const sms = config.REKEY_SMS_URL ? createSms({ url: config.REKEY_SMS_URL, token: config.REKEY_SMS_TOKEN }) : undefined

  const deps: MessageDeps = {
    consuming: { broker, metrics, progress, now, random, log, service: 'notifier', retryMs },
    sealedFields: createSealedFields({
      codeKey: toKey(config.REKEY_CODE_SEAL_KEY),
      addressKey: toKey(config.REKEY_ADDRESS_SEAL_KEY),
    }),
    delivery: createDelivery({ smtp, sms, log }),
    brand: config.REKEY_BRAND,
    now,
  }
  const consumers = messages.map((start) => start(deps))

  const app = await createServer({ log, random, trustedProxies: [] })
  await app.register(health, { checks: { nats: () => broker.check(), smtp: () => smtp.check() }, progress })
  app.addHook('onClose', async () => {
    await Promise.all(consumers.map((consumer) => consumer.close()))
    smtp.close()
    await streamWatch.close()
    await broker.close()
  })
  return app
}
