import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrokerUser } from '@rekey/local-servers/keys'
import { brokerAccess } from '@rekey/platform/broker-access'
import { eventually } from '@rekey/test-support/eventually'
import { backOffice, type startProduction } from '@rekey/test-support/production'
import { connect } from 'nats'
import type { Test } from 'tap'

type Production = Awaited<ReturnType<typeof startProduction>>

/** What the tests of one production do with it. */
export const useProduction = async (t: Pick<Test, 'teardown'>, rekey: Production) => {
  const { database, redis, http } = rekey

  const connectAs = async (user: BrokerUser) => {
    const { url, ...access } = brokerAccess(rekey.broker.access(user))
    const connection = await connect({ ...access, servers: url, inboxPrefix: `_INBOX.${user}`, reconnect: false })
    t.teardown(() => connection.close())
    return connection
  }
  const jsm = await (await connectAs('operator')).jetstreamManager()

  const gatewayJsm = await (await connectAs('auth-gateway')).jetstreamManager()
  /** The last event of a subject of AUTH or PASSWORD. */
  const lastEvent = (stream: string, subject: string) =>
    gatewayJsm.streams.getMessage(stream, { last_by_subj: subject })

  /** Every refusal of the broker, with its subject. */
  const violations = () =>
    [
      ...readFileSync(join(rekey.dataDir, 'nats', 'server.log'), 'utf8').matchAll(
        /(\w+ Violation) .* Subject "(.+?)"/g,
      ),
    ].map(([, what, subject]) => `${what}: ${subject}`)

  const messagesIn = async (stream: string) => (await jsm.streams.info(stream)).state.last_seq

  /** Waits until every event is acknowledged. */
  const settled = () =>
    eventually(
      async () => {
        for (const stream of ['AUTH', 'PASSWORD', 'NOTIFY', 'MESSAGE']) {
          for await (const { num_pending, num_ack_pending } of jsm.consumers.list(stream)) {
            if (num_pending + num_ack_pending > 0) return false
          }
        }
        return true
      },
      { what: 'every event to be consumed' },
    )

  const backOfficeHeaders = async () => {
    const { body } = await http.post('/oauth/v2/token', { grant_type: 'client_credentials', ...backOffice })
    return { authorization: `Bearer ${body.access_token}`, 'content-type': 'application/json' }
  }

  /** Every secret of the services and of the stores. */
  const secrets = () => {
    const files = readdirSync(rekey.keysDir).map((name) => readFileSync(join(rekey.keysDir, name), 'utf8'))
    const keys = files.flatMap(
      (content) => content.match(/(?<![\w-])[A-Za-z0-9_-]{43}(?![\w-])|\bSU[A-Z2-7]{56}\b/g) ?? [],
    )
    return [...new Set(keys), ...[database.owner, database.service, redis.url].map((url) => new URL(url).password)]
  }

  /** The command lines of all processes of this machine. */
  const commandLines = () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        } catch {
          // The process has ended.
          return []
        }
      })

  return { jsm, lastEvent, connectAs, violations, messagesIn, settled, backOfficeHeaders, secrets, commandLines }
}
