import type { Test } from 'tap'
import { createHelpDesk } from '../verifications/verifications.fixture.ts'
import { type Person, startWaiting } from '../waiting-restores/waiting-restores.fixture.ts'

/** A password-service with waiting restores, and what members of staff do with them (C10, C11, C12). */
export const startWaitingDesk = async (t: Test, env: Record<string, string> = {}) => {
  const quotas = { REKEY_LIMIT_VERIFICATION_CUSTOMER: '50/1h', REKEY_LIMIT_VERIFICATION_STAFF: '1000/1h' }
  const desk = createHelpDesk(await startWaiting(t, { ...quotas, ...env }))
  const act = (who: string, person: { id: number }, name: 'veto' | 'end-wait', body: object = { reason: 'a call' }) =>
    desk.send(who, 'POST', `clients/${person.id}/waiting-restore/${name}`, body)

  return {
    ...desk,
    act,
    approve: (who: string, approvalId = '') => desk.send(who, 'POST', `approvals/${approvalId}/approve`, {}),

    /** The restores of a customer as staff read them (C10). */
    async read({ id }: Person): Promise<Record<string, unknown>[]> {
      const { body } = await desk.send('ann', 'GET', `clients/${id}/waiting-restore`)
      return body.data as unknown as Record<string, unknown>[]
    },

    /** A customer whose restore waits, opened by mail. */
    async waitingPerson(): Promise<Person> {
      const person = await desk.person()
      await desk.open(person)
      return person
    },

    /** Asks for the end of the wait, after a verification by SMS. @returns the id of the approval */
    async requestEnd(person: Person, who = 'ann'): Promise<string> {
      await desk.verify(who, person, 'sms')
      const { status, text, body } = await act(who, person, 'end-wait')
      if (status !== 202 || !body.approvalId) throw new Error(`not requested: ${status} ${text}`)
      return body.approvalId
    },
  }
}
