import { connectBroker } from '@rekey/platform/broker'
import { brokerAccess } from '@rekey/platform/broker-access'
import { health } from '@rekey/platform/health'
import { createProgress } from '@rekey/platform/progress'
import type { Runtime } from '@rekey/platform/run'
import { toKey } from '@rekey/platform/seal'
import { createServer, type Server } from '@rekey/platform/server'
import { ensureStreams } from '@rekey/platform/streams'
import { consumeCodes } from './code/code.consumer.ts'
import type { Config } from './config.ts'
import { createDelivery } from './delivery/delivery.ts'
import { createOpener } from './delivery/opener.ts'
import { createSms } from './delivery/sms.ts'
import { createSmtp } from './delivery/smtp.ts'
import { consumePasswordChanges } from './password-changed/password-changed.consumer.ts'
import { consumeResetRequests } from './reset-requested/reset-requested.consumer.ts'
import { consumeRestoreBlocks } from './restore-blocked/restore-blocked.consumer.ts'
import { consumeTemporaryPasswords } from './temporary-password/temporary-password.consumer.ts'

export const createApp = async (config: Config, { log, metrics, now, random }: Runtime): Promise<Server> => {
  const broker = connectBroker({ ...brokerAccess(config), name: 'notifier', log, metrics })
  ensureStreams(broker, ['NOTIFY'], config)
  const progress = createProgress({ elapsedMs: () => performance.now(), metrics })

  const smtp = createSmtp({
    url: config.SMTP_URL,
    from: config.REKEY_MAIL_FROM,
    requireTls: config.REKEY_PROFILE === 'production',
  })
  const sms = config.REKEY_SMS_URL ? createSms({ url: config.REKEY_SMS_URL, token: config.REKEY_SMS_TOKEN }) : undefined
  const delivery = createDelivery({ smtp, sms, log })
  const opener = createOpener({
    codeKey: toKey(config.REKEY_CODE_SEAL_KEY),
    addressKey: toKey(config.REKEY_ADDRESS_SEAL_KEY),
  })

  const retryMs = config.REKEY_EVENT_RETRY_HOURS * 3_600_000
  const messaging = { broker, metrics, progress, now, random, log, service: 'notifier', retryMs }
  const brand = config.REKEY_BRAND
  const consumers = [
    consumeCodes({ messaging, opener, delivery, brand, now }),
    consumePasswordChanges({ messaging, opener, delivery, brand }),
    consumeTemporaryPasswords({ messaging, opener, delivery, brand, now }),
    consumeResetRequests({ messaging, opener, delivery, brand }),
    consumeRestoreBlocks({ messaging, opener, delivery, brand }),
  ]

  const app = await createServer({ log, random, trustedProxies: [] })
  await app.register(health, { checks: { nats: () => broker.check(), smtp: () => smtp.check() }, progress })
  app.addHook('onClose', async () => {
    await Promise.all(consumers.map((consumer) => consumer.close()))
    smtp.close()
    await broker.close()
  })
  return app
}
