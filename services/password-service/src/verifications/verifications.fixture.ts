import { scopes, type VerificationSecret } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { eventually } from '@rekey/test-support/eventually'
import type { Test } from 'tap'
import { startWithFactors, type WithFactors } from '../factors/factors.fixture.ts'

/** The requests of members of staff, at a running password-service. */
export const createHelpDesk = <Service extends WithFactors>(service: Service) => {
  const { http, bearer, events, openAddress, clock } = service

  const as = (who: string) => ({
    authorization: bearer(who, scopes.backOffice, { client_id: who, owner: who, session_epoch: undefined }),
  })
  const send = (who: string, method: string, path: string, body?: object) =>
    http.send<Record<string, string>>(
      method,
      `/api/v2/${path}`,
      { ...as(who), ...(body && { 'content-type': 'application/json' }) },
      body && JSON.stringify(body),
    )
  const path = ({ id }: { id: number }) => `clients/${id}/verifications`

  interface Customer {
    id: number
    code: string
  }

  const desk = {
    ...service,
    as,
    send,
    show: (who: string, customer: { id: number }) => send(who, 'GET', path(customer)),
    begin: (who: string, customer: { id: number }, body: object = {}) => send(who, 'POST', path(customer), body),
    confirm: (who: string, customer: { id: number }, verification: string, code: unknown, more: object = {}) =>
      send(who, 'POST', `${path(customer)}/${verification}`, { code, ...more }),

    /** Opens the message of a verification, as the notifier does. */
    async received({ code }: Customer, verification: string): Promise<VerificationSecret & { to: string }> {
      const event = await eventually(async () => (await events('NOTIFY', code)).find(({ id }) => id === verification), {
        what: 'the message',
      })
      const { secret = '', recipient = '' } = event.data
      const { to } = await openAddress<{ to: string }>(verification, recipient)
      return { ...(await openAddress<VerificationSecret>(verification, secret)), to }
    },

    /** Verifies a customer. @returns the id of the verification */
    async verify(who: string, customer: Customer, channel = 'email'): Promise<string> {
      const { body } = await desk.begin(who, customer, { channel })
      const { code } = await desk.received(customer, body.id ?? '')
      const answer = await desk.confirm(who, customer, body.id ?? '', code)
      if (answer.status !== 204) throw new Error(`not verified: ${answer.status} ${answer.text}`)
      return body.id ?? ''
    },

    /** Six digits that are not this code. */
    wrong: (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0'),

    minutes: (count: number) => clock.advance(count * 60_000),
    unknownId: () => systemRandom.id(),
  }
  return desk
}

/** A password-service that needs a proof of the customer, and the requests of members of staff. */
export const startHelpDesk = async (t: Test, env: Record<string, string> = {}) =>
  createHelpDesk(await startWithFactors(t, { REKEY_STAFF_NEEDS_PROOF: 'true', ...env }))

export type HelpDesk = Awaited<ReturnType<typeof startHelpDesk>>
