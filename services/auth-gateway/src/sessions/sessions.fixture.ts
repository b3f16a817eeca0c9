import { eventually } from '@rekey/test-support/eventually'
import { createHttp } from '@rekey/test-support/http'
import type { startRekey } from '@rekey/test-support/rekey'
import { connect } from 'nats'
import type { Test } from 'tap'

export const invalidGrant = { status: 400, body: { error: 'invalid_grant' } }

/** Uses and checks sessions, at the gateway and at the password-service. */
export const createSessionClient = ({ http, nats, passwordServiceUrl }: Awaited<ReturnType<typeof startRekey>>) => {
  /** Skips the gateway, as a service in the mesh does. */
  const passwordService = createHttp(passwordServiceUrl)
  const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` })
  const history = (token: unknown, through = http) => through.get('/api/v2/my/password/changes', bearer(token))
  const openChange = (token: unknown) =>
    http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', bearer(token))

  return {
    history,
    openChange,

    refresh: (token: unknown, other: object = {}) =>
      http.post('/oauth/v2/token', { grant_type: 'refresh_token', refresh_token: token, ...other }),

    /** Checks that the proxy, the gateway's own routes and the password-service refuse the token. */
    async isEndedEverywhere(t: Test, token: unknown) {
      const places = {
        proxy: () => history(token),
        gateway: () => openChange(token),
        'password-service': () => history(token, passwordService),
      }
      for (const [place, request] of Object.entries(places)) {
        const what = `a refusal by the ${place}`
        await t.resolves(
          eventually(async () => (await request()).status === 401, { what }),
          what,
        )
      }
    },

    async isActive(t: Test, token: unknown, what: string) {
      t.equal((await history(token)).status, 200, `${what}: through the proxy`)
      t.equal((await history(token, passwordService)).status, 200, `${what}: at the password-service`)
    },

    /** The data of every event of this type about this subject. */
    async eventsOf(type: string, subject: string) {
      const connection = await connect({ servers: nats.url })
      const jsm = await connection.jetstreamManager()
      const { state } = await jsm.streams.info('AUTH')
      const found: Record<string, unknown>[] = []
      for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
        const message = await jsm.streams.getMessage('AUTH', { seq })
        if (message.subject === type && message.header.get('ce-subject') === subject) found.push(message.json())
      }
      await connection.close()
      return found
    },
  }
}
