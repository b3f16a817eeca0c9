import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@rekey/platform/logger'
import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'

interface Deps {
  url: string
  /** Called at every notification, and at every new connection: some may have been missed. */
  onNews(): void
  log: Logger
}

interface Listener {
  close(): Promise<void>
}

const connectTimeoutMs = 1_500
const retryMs = 500
const closeTimeoutMs = 1_000
/** A connection whose other end is gone without a word would be as quiet as one that has nothing to tell. */
const heartbeatMs = 2_000

/** Waits. @returns whether something did not end meanwhile */
const goesOn = async (ended: Promise<void>, ms: number): Promise<boolean> => {
  const waited = new AbortController()
  const isEnded = await Promise.race([
    ended.then(() => true),
    delay(ms, false, { signal: waited.signal }).catch(() => true),
  ])
  waited.abort()
  return !isEnded
}

/** Hears `NOTIFY outbox` on a connection of its own, which comes back by itself. */
export const listenForOutbox = ({ url, onNews, log }: Deps): Listener => {
  const stopped = new AbortController()
  let client: pg.Client | undefined

  /** Resolves when the connection has ended. */
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
    // An error of an idle connection ends it too; without a handler it would end the process.
    current.on('error', (err) => log.debug({ err }, 'outbox: connection lost'))
    current.on('notification', onNews)
    try {
      await current.connect()
      await current.query('LISTEN outbox')
    } catch (err) {
      await current.end().catch(() => {})
      throw err
    }
    onNews()
    const heartbeat = async () => {
      while (await goesOn(ended, heartbeatMs)) await current.query('SELECT 1')
    }
    await heartbeat().finally(() => current.end().catch(() => {}))
  }

  const loop = async () => {
    while (!stopped.signal.aborted) {
      await listen().catch((err) => log.debug({ err }, 'outbox: not listening yet'))
      await delay(retryMs, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }
  const running = loop()

  return {
    async close() {
      stopped.abort()
      // A server that stands still does not even take leave.
      const patience = delay(closeTimeoutMs, undefined, { ref: false })
      await Promise.race([client?.end().then(() => running), patience])
    },
  }
}
