import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@rekey/platform/logger'
import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'

interface Deps {
  url: string
  /** Called at each notification, and at each new connection because notifications may have been missed. */
  onNotification(): void
  log: Logger
}

const connectTimeoutMs = 1_500
const retryMs = 500
const closeTimeoutMs = 1_000
/** Without it, a connection whose server has disappeared looks like one without notifications. */
const heartbeatMs = 2_000

/** Waits for this time. @returns false if `ended` resolved in the meantime */
const staysOpen = async (ended: Promise<void>, ms: number): Promise<boolean> => {
  const timer = new AbortController()
  const isEnded = await Promise.race([
    ended.then(() => true),
    delay(ms, false, { signal: timer.signal }).catch(() => true),
  ])
  timer.abort()
  return !isEnded
}

/** Runs `LISTEN outbox` on its own connection, and reconnects after a failure. */
export const listenForOutbox = ({ url, onNotification, log }: Deps) => {
  const stopped = new AbortController()
  let client: pg.Client | undefined

  /** Resolves when the connection ends. */
  const listen = async () => {
    const current = new pg.Client({
      connectionString: withSettings(url),
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: connectTimeoutMs,
      keepAlive: true,
      application_name: 'rekey-password-service outbox',
    })
    client = current
    const ended = new Promise<void>((resolve) => current.once('end', resolve))
    // Without a handler, an error of an idle connection would end the process.
    current.on('error', (err) => log.event('outbox_not_listening', { err }, 'outbox: connection lost'))
    current.on('notification', onNotification)
    try {
      await current.connect()
      await current.query('LISTEN outbox')
    } catch (err) {
      await current.end().catch(() => {})
      throw err
    }
    onNotification()
    const heartbeat = async () => {
      while (await staysOpen(ended, heartbeatMs)) await current.query('SELECT 1')
    }
    await heartbeat().finally(() => current.end().catch(() => {}))
  }

  const loop = async () => {
    while (!stopped.signal.aborted) {
      await listen().catch((err) => log.event('outbox_not_listening', { err }))
      await delay(retryMs, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }
  const running = loop()

  return {
    async close(): Promise<void> {
      stopped.abort()
      // A stalled server does not answer the end of a connection.
      const timeout = delay(closeTimeoutMs, undefined, { ref: false })
      await Promise.race([client?.end().then(() => running), timeout])
    },
  }
}
