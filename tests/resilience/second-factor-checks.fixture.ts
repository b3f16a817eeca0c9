import type { TestCustomer } from '@rekey/test-support/customers'
import { at, correctRun, customer, messageOf, outboxRow, type Run } from './checks.fixture.ts'
import type { Grant, Objection, WaitingStory } from './client-log.ts'
import type { WaitingRow } from './second-factor-state.ts'
import type { StoredEvent } from './stored-events.ts'

const customerOf = (id: number): TestCustomer => ({
  id,
  code: `C${id}`,
  email: `c${id}@example.com`,
  phone: `+44770090000${id}`,
  password: customer.password,
})

const event = (id: string, type: string, subject: string, data: StoredEvent['data']): StoredEvent => ({
  ...{ id, type, subject, data },
  time: at(30),
})

const grantOf = (person: TestCustomer, name: string, status: number): Grant => ({
  customer: person,
  operation: 'restore',
  jti: `${name} of ${person.code}`,
  challengeId: `challenge of ${name} of ${person.code}`,
  isOneOfTwo: true,
  tries: [{ password: `${name} of ${person.code}`, startedAt: at(40), endedAt: at(42), status }],
})

/** Adds a record of the history that is no new password, and returns its id. */
const addRecord = ({ state }: Run, customerId: number, operation: string): number => {
  const id = 10 + state.waitingRecords.length
  state.waitingRecords.push({ id, customerId, operation })
  state.verification.records += 1
  return id
}

const addEvent = ({ state }: Run, { code }: TestCustomer, id: string, type: string, data: StoredEvent['data']) => {
  state.outbox.push(outboxRow(id, type, code, Number(data.changeId)))
  state.events.PASSWORD.push(event(id, type, code, data))
}

const addMessages = ({ state }: Run, person: TestCustomer, type: string, notice: string | null) => {
  for (const [way, to] of [
    ['mail', person.email],
    ['text', person.phone],
  ] as const) {
    const id = `${notice} ${way} ${person.code}`
    state.outbox.push(outboxRow(id, type, person.code, null, notice))
    state.messages.push(messageOf(id, to))
  }
}

const addNewPassword = (run: Run, person: TestCustomer, story: WaitingStory): number => {
  const { clientLog, state } = run
  const grant = grantOf(person, 'completion', 204)
  clientLog.grants.push(grant)
  story.completions.push(grant)
  state.spentTokens.add(grant.jti)
  state.sessionEpochs.set(person.id, 1)
  const id = 30
  state.history.push({ id, customerId: person.id, operation: 'restore', createTime: at(41) })
  state.verification.records += 1
  addEvent(run, person, 'completing', 'password.restored', { changeId: id })
  addMessages(run, person, 'notify.password-changed', null)
  return id
}

const recordOf = { vetoed: 'veto_waiting_restore', expired: 'expire_waiting_restore' } as const

/** Adds a restore that was opened and came to this end. */
const addWaiting = (run: Run, person: TestCustomer, end: Pick<WaitingRow, 'state' | 'vetoedBy' | 'noticesSent'>) => {
  const { clientLog, state } = run
  const { id: customerId, code } = person
  const id = `restore of ${code}`
  const story: WaitingStory = { customer: person, isOpen: true, objections: [], completions: [] }
  clientLog.customers.push(person)
  clientLog.stories.push(story)
  clientLog.grants.push(grantOf(person, 'opening', 403))
  const changeId = addRecord(run, customerId, 'open_waiting_restore')
  state.waitingRestores.push({ id, customerId, changeId, ...end })
  addEvent(run, person, `opened ${code}`, 'customer.restore-waiting', { waitingRestoreId: id, changeId })
  for (const notice of ['opened', 'half', 'last'].slice(0, end.noticesSent))
    addMessages(run, person, 'notify.restore-waiting', notice)
  if (end.state === 'waiting') return
  const outcome =
    end.state === 'completed' ? addNewPassword(run, person, story) : addRecord(run, customerId, recordOf[end.state])
  addEvent(run, person, `ended ${code}`, `customer.restore-${end.state}`, { waitingRestoreId: id, changeId: outcome })
  if (end.state !== 'vetoed') return
  addMessages(run, person, 'notify.restore-waiting', 'vetoed')
  const by = end.vetoedBy as Objection['by']
  const said = by === 'link' ? ({ said: 'vetoed' } as const) : {}
  story.objections.push({ by, startedAt: at(30), endedAt: at(31), status: 200, ...said })
}

/**
 * The correct run, and besides: a sign-in by an authenticator app, after a wrong code, whose answer was lost; one by a
 * recovery code; and a waiting restore of each outcome.
 */
export const runWithSecondFactors = (): Run => {
  const run = correctRun()
  const { clientLog, state } = run
  const [app, paper] = [customerOf(2), customerOf(3)]
  clientLog.customers.push(app, paper)
  clientLog.factorProofs.push(
    { customer: app, method: 'totp', used: '100', accepted: 1 },
    { customer: app, method: 'totp', used: '101', challengeId: 'sign-in', accepted: 0 },
    { customer: paper, method: 'recovery_code', used: 'code 1', accepted: 1 },
  )
  const wrong = { challengeId: 'sign-in', attempt: 1 }
  state.events.AUTH.push(
    event('wrong', 'auth.challenge.failed', 'sign-in', { ...wrong, purpose: 'login', customer: app.code }),
    event('right', 'auth.challenge.verified', 'sign-in', { purpose: 'login' }),
  )
  state.wrongCodes.push({ ...wrong, customerId: app.id, failedAt: at(30) })
  state.factors.push(
    { customerId: app.id, kind: 'totp', lastStep: 101, usedCodes: 0 },
    { customerId: paper.id, kind: 'recovery_codes', lastStep: 0, usedCodes: 1 },
  )
  addWaiting(run, customerOf(4), { state: 'vetoed', vetoedBy: 'link', noticesSent: 1 })
  addWaiting(run, customerOf(5), { state: 'vetoed', vetoedBy: 'sign_in', noticesSent: 3 })
  addWaiting(run, customerOf(6), { state: 'completed', vetoedBy: null, noticesSent: 3 })
  addWaiting(run, customerOf(7), { state: 'expired', vetoedBy: null, noticesSent: 2 })
  addWaiting(run, customerOf(8), { state: 'waiting', vetoedBy: null, noticesSent: 1 })
  const passwords = new Map(clientLog.customers.map(({ email, password }) => [email, password]))
  passwords.set(customer.email, 'password 2').set('c6@example.com', 'completion of C6')
  state.isPassword = async (email, password) => passwords.get(email) === password
  return run
}
