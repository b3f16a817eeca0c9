import { LoginSucceeded, WaitingRestoreOpen, WaitingRestoreVeto } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { callPatiently, patiently } from '@rekey/test-support/patiently'
import type { Test } from 'tap'
import { startWithFactors } from '../factors/factors.fixture.ts'

export interface Person {
  id: number
  code: string
  addresses: string[]
}

export const newPassword = 'Qwerty123'
const ip = '203.0.113.7'

/** Starts a password-service, and takes the steps of a waiting restore through its RPCs and routes. */
export const startWaiting = async (t: Test, env: Record<string, string> = {}) => {
  const service = await startWithFactors(t, { REKEY_RESTORE_PROOFS: 'known', ...env })
  const { query, broker, clock, grant, http } = service

  /** The success token of a restore whose code came by an address of this kind. */
  const provenBy = async (
    customerId: number,
    kind: 'email' | 'phone',
    proofs = [kind === 'email' ? 'email' : 'sms'],
  ) => {
    const challengeId = systemRandom.id()
    await query(`INSERT INTO restore_request VALUES ($1, $2, now() + interval '1 day', $3)`, [
      challengeId,
      customerId,
      kind,
    ])
    const at = Math.floor(clock.now().getTime() / 1_000)
    return grant('restore', challengeId, { proofs: proofs.map((method) => ({ method, at })) })
  }

  /** B2. */
  const setPassword = (successToken: string, password = newPassword) =>
    patiently(() => http.post('/api/v2/my/password/restore', { password }, { successToken }))

  /** The token of the second proof that B2 asks for. */
  const secondProof = async (customerId: number, kind: 'email' | 'phone' = 'email') => {
    const { status, body } = await setPassword(await provenBy(customerId, kind))
    if (status !== 403 || typeof body.mfaToken !== 'string') throw new Error(`no second proof: ${status}`)
    return body.mfaToken
  }

  const openBy = (mfaToken: string) => callPatiently(() => callRpc(broker, WaitingRestoreOpen, { mfaToken, ip }))

  /** Moves the restores of a customer into the past: Postgres' clock is the one that counts. */
  const pass = async (customerId: number, hours: number) => {
    const moved = ['opened_at', 'ends_at', 'expires_at', 'act_at', 'finished_at'].map(
      (name) => `${name} = ${name} - $2::interval`,
    )
    await query(`UPDATE waiting_restore SET ${moved} WHERE customer_id = $1`, [customerId, `${hours} hours`])
  }

  const restores = (customerId: number) =>
    query<{ state: string; vetoedBy: string | null; noticesSent: number }>(
      `SELECT state, vetoed_by AS "vetoedBy", notices_sent AS "noticesSent" FROM waiting_restore WHERE customer_id = $1
       ORDER BY opened_at`,
      [customerId],
    )

  /** Waits until the customer's latest restore is in a state, or has sent so many notices. */
  const until = (customerId: number, expected: { state?: string; noticesSent?: number }) =>
    eventually(
      async () => {
        const last = (await restores(customerId)).at(-1)
        return Object.entries(expected).every(([name, value]) => last?.[name as 'state'] === value)
      },
      { what: JSON.stringify(expected) },
    )

  return {
    ...service,
    provenBy,
    restores,
    pass,
    until,

    /** Lets the wait of a customer pass, with its notices. */
    async wait({ id }: Person) {
      await pass(id, 23.5)
      await until(id, { noticesSent: 3 })
      await pass(id, 1)
    },

    /** B1, with two proofs. */
    changePassword: ({ code }: Person) => {
      const at = Math.floor(clock.now().getTime() / 1_000)
      const proofs = ['email', 'sms'].map((method) => ({ method, at }))
      const headers = { authorization: service.bearer(code), successToken: grant('change', code, { proofs }) }
      return patiently(() => http.post('/api/v2/my/password/change', { password: newPassword }, headers))
    },

    /** A sign-in, as the gateway publishes it. */
    async signIn({ code: customer }: Person) {
      const data = { customer, clientId: 'ib_localhost', ip, sessionId: systemRandom.id(), sessionEpoch: 0 }
      await service.publisher.publish(LoginSucceeded, { subject: customer, data })
    },

    setPassword,
    secondProof,
    openBy,
    /** Opens a waiting restore, by a proof of this kind. */
    open: async ({ id }: Person, kind?: 'email' | 'phone') => openBy(await secondProof(id, kind)),
    veto: (token: string) => callPatiently(() => callRpc(broker, WaitingRestoreVeto, { token, ip })),

    /** A customer with mail and SMS. */
    person: (options: object = {}): Promise<Person> => {
      const number = `+4477${Math.floor(Math.random() * 100_000_000)
        .toString()
        .padStart(8, '0')}`
      return service.customer({ phones: [number], ...options })
    },

    /** The operations in the customer's history, oldest first. */
    records: async (customerId: number) =>
      (
        await query<{ operation: string }>('SELECT operation FROM password_change WHERE customer_id = $1 ORDER BY id', [
          customerId,
        ])
      ).map(({ operation }) => operation),

    /** The notices that were published, with their links, once the outbox is empty. */
    async notices({ id, code }: Person) {
      await service.outboxEmpty()
      const events = (await service.events('NOTIFY', code)).filter(({ type }) => type === 'notify.restore-waiting')
      return Promise.all(
        events.map(async ({ id: eventId = '', data }) => ({
          notice: data.notice,
          endsAt: data.endsAt,
          customerId: id,
          to: (await service.openAddress<{ to: string }>(eventId, String(data.recipient))).to,
          link: data.vetoLink && (await service.openAddress<string>(eventId, data.vetoLink)),
        })),
      )
    },

    /** The link "it was not me" of the customer's first notification. */
    async notMeLink({ code }: Person) {
      await service.outboxEmpty()
      const [first] = (await service.events('NOTIFY', code)).filter(({ data }) => data.reportLink)
      return service.openAddress<string>(first?.id ?? '', String(first?.data.reportLink))
    },

    /** The events for other services. */
    async published({ code }: Person) {
      await service.outboxEmpty()
      return (await service.events('PASSWORD', code)).filter(({ type }) => type?.startsWith('customer.restore-'))
    },
  }
}

export type WithWaiting = Awaited<ReturnType<typeof startWaiting>>
