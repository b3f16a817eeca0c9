import { createHttp } from '@rekey/test-support/http'
import t from 'tap'
import { startWaitingDesk } from './waiting-restores.fixture.ts'

const desk = await startWaitingDesk(t)

/** Every configuration of the rules for staff: neither a verification nor a second person may be left out in any. */
const configurations = ['true', 'false'].flatMap((fourEyes) =>
  ['true', 'false'].map((needsProof) => ({
    REKEY_BACK_OFFICE_FOUR_EYES: fourEyes,
    REKEY_STAFF_NEEDS_PROOF: needsProof,
  })),
)

for (const env of configurations) {
  t.test(`S58: nobody alone shortens a wait, with ${JSON.stringify(env)}`, async (t) => {
    const { url } = await desk.startAnother(env)
    const http = createHttp(url, { isPatient: true })
    const post = (who: string, path: string, reason = 'a call') =>
      http.send<{ code?: string; approvalId?: string }>(
        'POST',
        `/api/v2/${path}`,
        { ...desk.as(who), 'content-type': 'application/json' },
        JSON.stringify({ reason }),
      )
    const person = await desk.waitingPerson()
    const endWait = (who: string) => post(who, `clients/${person.id}/waiting-restore/end-wait`)
    t.match(await endWait('ann'), { status: 403, body: { code: 'customer_not_verified' } }, 'a reason is not enough')
    await desk.verify('ann', person, 'sms')
    const asked = await endWait('ann')
    t.match(asked, { status: 202, body: { approvalId: String } }, 'a verification is not enough')
    t.match(await desk.restores(person.id), [{ state: 'waiting', noticesSent: 1 }])
    const approve = (who: string) => post(who, `approvals/${asked.body.approvalId}/approve`)
    t.match(await approve('ann'), { status: 403, body: { code: 'own_approval' } })
    t.equal((await approve('bea')).status, 204)
    t.match(await desk.read(person), [{ state: 'ready', lastNotice: 'ended_early' }])

    const other = await desk.waitingPerson()
    t.equal((await post('ann', `clients/${other.id}/waiting-restore/veto`)).status, 204, 'a veto needs nobody else')
    t.match(await desk.restores(other.id), [{ vetoedBy: 'staff' }])
  })
}

t.test('S41: a client without an owner asks for nothing', async (t) => {
  const person = await desk.waitingPerson()
  await desk.verify('desk', person, 'sms')
  const token = desk.bearer('desk', 'REST:FULL', { client_id: 'desk', owner: undefined, session_epoch: undefined })
  const path = `/api/v2/clients/${person.id}/waiting-restore/end-wait`
  const headers = { authorization: token, 'content-type': 'application/json' }
  const answer = await desk.http.send<{ code: string }>('POST', path, headers, '{"reason":"a call"}')
  t.match(answer, { status: 403, body: { code: 'owner_unknown' } })
})
