import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import pg from 'pg'

/** Parts of `pg.Connection` and `pg.Client` that their types lack. */
interface Connection extends EventEmitter {
  stream: Duplex
  connect(port: number | string, host?: string): void
  requestSsl(): void
  cancel(processId: number, secretKey: number): void
}
interface Session {
  host: string
  port: number
  ssl: object | boolean
  sslNegotiation?: string
  processID: number | null
  secretKey: number | null
}

const timeoutMs = 1_000

/**
 * Sends a CancelRequest (Postgres manual, 54.2.8) on a connection of its own. Its effect is that of `pg_cancel_backend`,
 * but it needs neither a free connection slot nor a login, and a pooler passes it to the right backend.
 *
 * @returns true if the server has taken it; false if it does not answer
 */
export const sendCancelRequest = (client: pg.Client): Promise<boolean> => {
  const { host, port, ssl, sslNegotiation, processID, secretKey } = client as unknown as Session
  if (processID === null || secretKey === null) return Promise.resolve(false)
  const connection = new pg.Connection({ ssl, sslNegotiation } as pg.ConnectionConfig) as unknown as Connection
  return new Promise((resolve) => {
    let isSent = false
    const done = (answered: boolean) => {
      clearTimeout(timer)
      connection.stream.destroy()
      resolve(answered)
    }
    const timer = setTimeout(done, timeoutMs, false)
    const send = () => {
      isSent = true
      connection.cancel(processID, secretKey)
    }
    connection.on('error', () => done(false))
    // The server closes the connection when it has signalled the backend.
    connection.on('end', () => done(isSent))
    connection.on('sslconnect', send)
    connection.on('connect', () => {
      if (!ssl) send()
      else if (sslNegotiation !== 'direct') connection.requestSsl()
    })
    if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`)
    else connection.connect(port, host)
  })
}
