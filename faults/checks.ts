import type { ReceivedMessage } from '@rekey/testing/inbox'
import type { Held, HistoryRow } from './held.ts'
import { type Grant, isDone, isUnknown, type Seen } from './seen.ts'

/** What one check found. */
export interface Finding {
  what: string
  /** How many it was shown for. */
  proven: number
  /** How many of these were of which kind. */
  kinds?: Record<string, number>
  /** What speaks against it. */
  faults: string[]
}

type Check = (seen: Seen, held: Held) => Promise<Omit<Finding, 'what'>> | Omit<Finding, 'what'>

const groupBy = <T, Key>(items: Iterable<T>, keyOf: (item: T) => Key): Map<Key, T[]> => {
  const groups = new Map<Key, T[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

const repeated = <T>(items: T[]): T[] => items.filter((item, index) => items.indexOf(item) !== index)

/** What stands for a customer on both sides: grants that the store holds as spent, and history, each in its order. */
const byCustomer = ({ customers, grants }: Seen, { history, spentTokens }: Held) => {
  const ofCustomer = groupBy(grants, ({ customer }) => customer)
  const rows = groupBy(history, ({ customerId }) => customerId)
  return customers.map((customer) => ({
    customer,
    spent: (ofCustomer.get(customer) ?? []).filter(({ jti }) => spentTokens.has(jti)),
    rows: rows.get(customer.id) ?? [],
  }))
}

/** A customer does one thing after the other, so the rows stand in the order of the grants that were spent. */
const rowFaults = (grant: Grant, row: HistoryRow | undefined): string[] => {
  const { jti, operation, tries } = grant
  if (!row) return [`${operation} ${jti} was spent and is not in the history`]
  const faults: string[] = []
  if (row.operation !== operation) faults.push(`record ${row.id} is a ${row.operation}, the grant's is a ${operation}`)
  const done = tries.find(isDone)
  const askedAt = Math.min(...tries.map(({ startedAt }) => startedAt.getTime()))
  if (row.createTime.getTime() < askedAt) faults.push(`record ${row.id} is older than the request for it`)
  if (done && row.createTime > done.endedAt) faults.push(`record ${row.id} is younger than the answer to it`)
  return faults
}

const answeredAreInHistory: Check = (seen, held) => {
  const answered = seen.grants.filter(({ tries }) => tries.some(isDone))
  const lost = answered.filter(({ jti }) => !held.spentTokens.has(jti))
  return {
    proven: answered.length,
    faults: [
      ...lost.map(({ jti, customer }) => `${jti} of ${customer.code} was answered as done, and was not`),
      ...byCustomer(seen, held).flatMap(({ spent, rows }) =>
        spent.flatMap((grant, index) => rowFaults(grant, rows[index])),
      ),
    ],
  }
}

/** The passwords that may be the one which a grant set: of two requests at once the one that was answered as done. */
const passwordsOf = ({ tries }: Grant): string[] => {
  const done = tries.filter(isDone)
  return (done.length > 0 ? done : tries.filter(({ status }) => isUnknown(status))).map(({ password }) => password)
}

const lastPasswordVerifies: Check = async (seen, held) => {
  const faults: string[] = []
  for (const { customer, spent } of byCustomer(seen, held)) {
    const isPassword = (password: string) => held.isPassword(customer.email, password)
    const fits = async (passwords: string[]) =>
      (await Promise.all([...new Set(passwords)].map(isPassword))).includes(true)
    const [last, before] = spent.toReversed().map(passwordsOf)
    if (!(await fits(last ?? [customer.password]))) faults.push(`the last password of ${customer.code} is none`)
    if (last && (await fits(before ?? [customer.password]))) {
      faults.push(`the password before the last of ${customer.code} still is one`)
    }
  }
  return { proven: seen.customers.length, faults }
}

const isFact = (type: string) => type.startsWith('password.')

const wholeOrNothing: Check = (seen, held) => {
  const events = groupBy(
    held.outbox.filter(({ type }) => isFact(type)),
    ({ subject }) => subject,
  )
  const known = new Set(seen.grants.flatMap(({ jti, challengeId }) => [jti, challengeId]))
  const unknown = seen.grants.filter(({ tries }) => tries.length > 0 && !tries.some(isDone))
  const done = unknown.filter(({ jti }) => held.spentTokens.has(jti)).length
  return {
    proven: unknown.length,
    kinds: { done, 'not done': unknown.length - done },
    faults: [
      ...[...held.spentTokens].filter((jti) => !known.has(jti)).map((jti) => `nobody was given the spent token ${jti}`),
      ...unknown
        .filter(({ jti, tries }) => held.spentTokens.has(jti) && !tries.some(({ status }) => isUnknown(status)))
        .map(({ jti }) => `${jti} was refused each time, and is spent`),
      ...byCustomer(seen, held).flatMap(({ customer, spent, rows }) => {
        const counts = {
          'spent grants': spent.length,
          records: rows.length,
          events: events.get(customer.code)?.length ?? 0,
          'ends of sessions': held.sessionEpochs.get(customer.id) ?? 0,
        }
        const agree = new Set(Object.values(counts)).size === 1
        return agree ? [] : [`${customer.code} has ${JSON.stringify(counts)}`]
      }),
    ],
  }
}

const grantsWorkOnce: Check = ({ grants }) => ({
  proven: grants.length,
  faults: [
    ...grants
      .filter(({ tries }) => tries.filter(isDone).length > 1)
      .map(({ jti, tries }) => `${jti} was answered as done ${tries.filter(isDone).length} times`),
    ...repeated(grants.map(({ jti }) => jti)).map((jti) => `two codes were traded for the same grant ${jti}`),
  ],
})

const codesWorkOnce: Check = ({ takenCodes, grants }, { events, spentTokens }) => {
  const verified = events.AUTH.filter(({ type }) => type === 'auth.challenge.verified')
  const ids = verified.map(({ id }) => id)
  return {
    proven: new Set(takenCodes).size,
    faults: [
      ...repeated(takenCodes).map((challenge) => `the code of ${challenge} was taken twice`),
      ...repeated(verified.map(({ subject }) => subject)).map((challenge) => `${challenge} was verified twice`),
      ...repeated(ids).map((id) => `the event ${id} is on AUTH twice`),
      ...repeated(grants.filter(({ jti }) => spentTokens.has(jti)).map(({ challengeId }) => challengeId)).map(
        (challenge) => `two passwords were set by the code of ${challenge}`,
      ),
    ],
  }
}

const oneEventEach: Check = (_seen, { history, outbox, events }) => {
  const published = groupBy(
    events.PASSWORD.filter(({ type }) => isFact(type)),
    ({ data }) => data.changeId,
  )
  const written = groupBy(
    outbox.filter(({ type }) => isFact(type)),
    ({ changeId }) => changeId,
  )
  const changes = new Set<unknown>(history.map(({ id }) => id))
  const ofCustomers = groupBy(events.PASSWORD, ({ subject }) => subject)
  return {
    proven: history.length,
    faults: [
      ...history.flatMap(({ id }) => {
        const found = published.get(id) ?? []
        const [row, ...more] = written.get(id) ?? []
        if (found.length === 1 && found[0]?.id === row?.eventId && more.length === 0) return []
        return [`record ${id} has the events ${found.map((event) => event.id)} and the outbox ${row?.eventId}`]
      }),
      ...[...published.keys()]
        .filter((id) => !changes.has(id))
        .map((id) => `an event tells of ${id}, which is not there`),
      ...[...ofCustomers].flatMap(([customer, of]) => {
        const order = of.map(({ data }) => Number(data.changeId))
        const isOrdered = order.every((id, index) => index === 0 || id > (order[index - 1] ?? 0))
        return isOrdered ? [] : [`events of ${customer} came as ${order}`]
      }),
    ],
  }
}

/** The event that a message was sent for: its Message-ID says so. */
const eventOf = ({ MessageID }: ReceivedMessage) => MessageID.split('@')[0] ?? ''

/** Each customer has an e-mail address and a telephone. */
const addressesEach = 2

const oneNoticeEach: Check = (seen, held) => {
  const notices = held.outbox.filter(({ type }) => type === 'notify.password-changed')
  const messages = groupBy(held.messages, eventOf)
  const ofCustomers = groupBy(notices, ({ subject }) => subject)
  const codes = new Set(seen.promisedCodes.map(({ challengeId }) => challengeId))
  const isOfCode = (id: string) => codes.has(id.split('.')[0] ?? '')
  const known = new Set(notices.map(({ eventId }) => eventId))
  const strange = [...messages.keys()].filter((id) => !known.has(id) && !isOfCode(id) && !/\.\d$/.test(id))
  return {
    proven: notices.length,
    faults: [
      ...notices.filter(({ eventId }) => !messages.has(eventId)).map(({ eventId }) => `notice ${eventId} was not sent`),
      ...notices
        .filter(({ eventId }) => new Set(messages.get(eventId)?.map(({ To }) => To[0]?.Address)).size > 1)
        .map(({ eventId }) => `notice ${eventId} went to two addresses`),
      ...byCustomer(seen, held).flatMap(({ customer, rows }) => {
        const count = ofCustomers.get(customer.code)?.length ?? 0
        return count === rows.length * addressesEach
          ? []
          : [`${customer.code}: ${rows.length} records, ${count} notices`]
      }),
      ...strange.map((id) => `a message came of ${id}, which is no event`),
    ],
  }
}

const sessionsAreOver: Check = ({ grants, signIns }, { activeSignIns, spentTokens }) => {
  const ofCustomers = groupBy(grants, ({ customer }) => customer)
  const over = signIns.filter(({ customer, session, grantsBefore }) =>
    (ofCustomers.get(customer) ?? [])
      .slice(grantsBefore)
      .some((grant) => spentTokens.has(grant.jti) && grant.session !== session),
  )
  return {
    proven: over.length,
    faults: over
      .filter((signIn) => activeSignIns.has(signIn))
      .map(({ session, customer }) => `session ${session} of ${customer.code} goes on after a new password`),
  }
}

const codesArrive: Check = ({ promisedCodes }, { messages }) => {
  const ofChallenges = groupBy(messages, (message) => eventOf(message).split('.')[0])
  return {
    proven: promisedCodes.length,
    faults: promisedCodes.flatMap(({ to, challengeId, verification, expiresAt }) => {
      const message = ofChallenges
        .get(challengeId)
        ?.find(({ Text, To }) => Text.includes(`Verification code: ${verification}`) && To[0]?.Address === to)
      if (!message) return [`no message came for ${challengeId}`]
      return new Date(message.Created) < expiresAt ? [] : [`the message for ${challengeId} came too late`]
    }),
  }
}

const chainsHold: Check = (_seen, { verification, history }) => {
  const { records, fault } = verification
  const faults = fault ? [`record ${fault.changeId} of customer ${fault.customerId}: ${fault.flaw}`] : []
  if (!fault && records !== history.length) faults.push(`${records} of ${history.length} records were read`)
  return { proven: records, faults }
}

const nothingGivenUp: Check = (_seen, { outbox, waiting, events }) => ({
  proven: outbox.length + events.AUTH.length,
  faults: [...waiting, ...events.DEAD.map(({ type, id }) => `${type} ${id} is a dead letter`)],
})

const ownPasswordsAreTaken: Check = ({ ownPassword: { tried, refused } }) => ({ proven: tried, faults: refused })

const refusalsHaveReasons: Check = ({ rightCodes, freshGrants }) => ({
  proven: rightCodes.tried + freshGrants.tried,
  faults: [...rightCodes.refused, ...freshGrants.refused],
})

const answersAreOfTheContract: Check = ({ requests }) => {
  const answers = [...requests].flatMap(([step, outcomes]) =>
    [...outcomes].map(([status, count]) => ({ step, status, count })),
  )
  return {
    proven: answers.reduce((sum, { count }) => sum + count, 0),
    faults: answers
      .filter(({ status }) => status !== undefined && status >= 500 && status !== 503)
      .map(({ step, status, count }) => `${step}: ${status}, ${count} times`),
  }
}

const checks: [what: string, check: Check][] = [
  ['new passwords that were answered 204 are in the history', answeredAreInHistory],
  ['customers sign in with their last password, and with none before', lastPasswordVerifies],
  ['outcomes that nobody was told are whole or nothing', wholeOrNothing],
  ['grants set one password at most', grantsWorkOnce],
  ['codes were taken once at most', codesWorkOnce],
  ['records of the history have one event on PASSWORD each, in order', oneEventEach],
  ['notices of a new password were sent, one an address', oneNoticeEach],
  ['sessions of before a new password are over at the gateway', sessionsAreOver],
  ['codes that were promised arrived while they lived', codesArrive],
  ['records of the history stand in their chains', chainsHold],
  ['events were all dealt with: none waits, none became a dead letter', nothingGivenUp],
  ["sign-ins with one's own password were let in", ownPasswordsAreTaken],
  ['right codes and fresh grants were refused for no other reason than a lost answer', refusalsHaveReasons],
  ['answers were of the contract: of the 5xx only 503', answersAreOfTheContract],
]

/** Holds what the stores hold against what clients were told. It knows nothing of what was done to whom. */
export const check = async (seen: Seen, held: Held): Promise<Finding[]> => {
  const findings: Finding[] = []
  for (const [what, find] of checks) findings.push({ what, ...(await find(seen, held)) })
  return findings
}

/** Messages that came again, by the same Message-ID. */
export const countRepeats = ({ messages }: Held): number => messages.length - new Set(messages.map(eventOf)).size
