import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { type Check, type Finding, fail, ok, warn } from '../finding.ts'

/** How a connection gets from TCP to TLS. */
type Protocol = 'direct' | 'nats' | 'postgres' | 'smtp'

/** A server whose certificate is read. */
export interface Endpoint {
  url: string
  protocol: Protocol
  defaultPort: number
  /** PEM file of the authority, if it is not one of Node's. */
  caFile?: string | undefined
}

const timeoutMs = 4_000

/** The SSLRequest message (Postgres manual, 53.2.10). */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

const postgresStart = async (socket: Socket) => {
  socket.write(sslRequest)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (answer.toString() !== 'S') throw new Error('the server offers no TLS')
}

/** Speaks SMTP up to STARTTLS (RFC 3207). */
const smtpStart = async (socket: Socket) => {
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  const reply = async () => {
    for (;;) {
      const { value = '', done } = await lines.next()
      if (done) throw new Error('the server ended the connection')
      if (/^\d{3}( |$)/.test(value)) return value
    }
  }
  await reply()
  for (const command of ['EHLO doctor', 'STARTTLS']) {
    socket.write(`${command}\r\n`)
    const answer = await reply()
    if (!answer.startsWith('2')) throw new Error(`the server answers ${command} with ${answer.slice(0, 3)}`)
  }
}

const starts: Record<Protocol, (socket: Socket) => Promise<unknown>> = {
  direct: async () => {},
  // The server sends INFO first.
  nats: (socket) => once(socket, 'data'),
  postgres: postgresStart,
  smtp: smtpStart,
}

const readCertificate = async ({ url, protocol, defaultPort, caFile }: Endpoint) => {
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connectTcp({ host, port: Number(port) || defaultPort })
  const signal = AbortSignal.timeout(timeoutMs)
  signal.addEventListener('abort', () => socket.destroy(new Error('no answer')))
  try {
    await once(socket, 'connect')
    await starts[protocol](socket)
    socket.removeAllListeners('data')
    const secure: TLSSocket = connectTls({
      socket,
      host,
      ...(isIP(host) === 0 && { servername: host }),
      ...(caFile !== undefined && { ca: readFileSync(caFile) }),
      // The dates of a certificate that is not valid are what this is about.
      rejectUnauthorized: false,
    })
    await once(secure, 'secureConnect')
    const { valid_from: from, valid_to: to } = secure.getPeerCertificate()
    const { authorizationError } = secure
    secure.destroy()
    return { from: new Date(from), to: new Date(to), authorizationError: String(authorizationError ?? '') }
  } finally {
    socket.destroy()
  }
}

const dateOf = (date: Date) => date.toISOString().slice(0, 10)

const dayMs = 86_400_000
const leastDays = 21

/** A warning if a certificate that is valid now expires within three weeks. */
export const judgeEnd = (place: string, to: Date): Finding => {
  const days = Math.floor((to.getTime() - Date.now()) / dayMs)
  const text = `${place}: valid until ${dateOf(to)}, ${days} days`
  return days < leastDays ? warn(text, 'renew it') : ok(text)
}

const judge = (
  place: string,
  { from, to, authorizationError }: Awaited<ReturnType<typeof readCertificate>>,
): Finding => {
  const now = Date.now()
  if (from.getTime() > now)
    return fail(`${place}: not valid before ${dateOf(from)}`, 'correct the clock, or replace the certificate')
  if (to.getTime() < now) return fail(`${place}: expired on ${dateOf(to)}`, 'replace the certificate of this server')
  if (/ALTNAME/.test(authorizationError))
    return fail(`${place}: is for another host`, 'use the host name that the certificate has, or replace it')
  if (authorizationError)
    return fail(
      `${place}: not trusted (${authorizationError})`,
      'name its authority: NATS_CA_FILE, REKEY_TLS_CA, sslrootcert in DATABASE_URL, or NODE_EXTRA_CA_CERTS',
    )
  return judgeEnd(place, to)
}

const findingOf = async (endpoint: Endpoint): Promise<Finding> => {
  const { host } = new URL(endpoint.url)
  try {
    return judge(host, await readCertificate(endpoint))
  } catch (error) {
    // The check of the connection fails too, and says what to do.
    return { level: 'skip', text: `${host}: no certificate (${(error as Error).message || 'no answer'})` }
  }
}

/** The dates, names and authorities of servers' certificates. No check for servers without TLS. */
export const certificateChecks = ({
  endpoints,
  ...check
}: Pick<Check, 'name' | 'service'> & { endpoints: readonly Endpoint[] }): Check[] =>
  endpoints.length === 0 ? [] : [{ ...check, run: () => Promise.all(endpoints.map(findingOf)) }]
