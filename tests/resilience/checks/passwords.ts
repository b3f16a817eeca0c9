import { type Grant, isDone, isUnknown } from '../client-log.ts'
import type { HistoryRow } from '../final-state.ts'
import { byCustomer } from './by-customer.ts'
import { isPasswordEvent } from './events.ts'
import type { Check } from './finding.ts'

/** Compares a spent grant with its row of the history: both have the same order for a customer. */
const rowViolations = (grant: Grant, row: HistoryRow | undefined): string[] => {
  const { jti, operation, tries } = grant
  if (!row) return [`${operation} ${jti} was spent and is not in the history`]
  const violations: string[] = []
  if (row.operation !== operation)
    violations.push(`record ${row.id} is a ${row.operation}, the grant's is a ${operation}`)
  const done = tries.find(isDone)
  const askedAt = Math.min(...tries.map(({ startedAt }) => startedAt.getTime()))
  if (row.createTime.getTime() < askedAt) violations.push(`record ${row.id} is older than the request for it`)
  if (done && row.createTime > done.endedAt) violations.push(`record ${row.id} is newer than the answer to it`)
  return violations
}

export const acknowledgedAreInHistory: Check = (clientLog, state) => {
  const answered = clientLog.grants.filter(({ tries }) => tries.some(isDone))
  const lost = answered.filter(({ jti }) => !state.spentTokens.has(jti))
  return {
    checked: answered.length,
    violations: [
      ...lost.map(({ jti, customer }) => `${jti} of ${customer.code} was acknowledged and is not spent`),
      ...byCustomer(clientLog, state).flatMap(({ spent, rows }) =>
        spent.flatMap((grant, index) => rowViolations(grant, rows[index])),
      ),
    ],
  }
}

/** The passwords that a grant may have set: the acknowledged one, else those without an answer. */
const passwordsOf = ({ tries }: Grant): string[] => {
  const done = tries.filter(isDone)
  return (done.length > 0 ? done : tries.filter(({ status }) => isUnknown(status))).map(({ password }) => password)
}

/** Passwords verified at a time: two services share the work. */
const verifiedAtOnce = 4

export const lastPasswordVerifies: Check = async (clientLog, state) => {
  const triedBy = Map.groupBy(clientLog.grants, ({ customer }) => customer)
  const violations: string[] = []
  let passwords = 0
  for (const { customer, spent } of byCustomer(clientLog, state)) {
    const last = new Set(spent.map(passwordsOf).at(-1) ?? [customer.password])
    const tried = (triedBy.get(customer) ?? []).flatMap(({ tries }) => tries.map(({ password }) => password))
    const others = new Set([customer.password, ...tried].filter((password) => !last.has(password)))
    const count = async (which: Set<string>) => {
      const all = [...which]
      let found = 0
      while (all.length > 0) {
        const verifications = all
          .splice(0, verifiedAtOnce)
          .map((password) => state.isPassword(customer.email, password))
        found += (await Promise.all(verifications)).filter(Boolean).length
      }
      return found
    }
    passwords += last.size + others.size
    const fit = await count(last)
    if (fit !== 1) violations.push(`${fit} of the possible last passwords of ${customer.code} are valid`)
    const more = await count(others)
    if (more > 0) violations.push(`${customer.code} signs in with ${more} passwords that are not the last`)
  }
  return { checked: clientLog.customers.length, breakdown: { 'passwords tried': passwords }, violations }
}

export const wholeOrNothing: Check = (clientLog, state) => {
  const events = Map.groupBy(
    state.outbox.filter(({ type }) => isPasswordEvent(type)),
    ({ subject }) => subject,
  )
  const known = new Set(clientLog.grants.flatMap(({ jti, challengeId }) => [jti, challengeId]))
  const unknown = clientLog.grants.filter(({ tries }) => tries.length > 0 && !tries.some(isDone))
  const done = unknown.filter(({ jti }) => state.spentTokens.has(jti)).length
  return {
    checked: unknown.length,
    // Every outcome may have been acknowledged or refused.
    mayBeEmpty: true,
    breakdown: { done, 'not done': unknown.length - done },
    violations: [
      ...[...state.spentTokens]
        .filter((jti) => !known.has(jti))
        .map((jti) => `the spent token ${jti} was given to no client`),
      ...unknown
        .filter(({ jti, tries }) => state.spentTokens.has(jti) && !tries.some(({ status }) => isUnknown(status)))
        .map(({ jti }) => `${jti} was refused each time and is spent`),
      ...byCustomer(clientLog, state).flatMap(({ customer, spent, rows }) => {
        const counts = {
          'spent grants': spent.length,
          records: rows.length,
          events: events.get(customer.code)?.length ?? 0,
          'session epoch': state.sessionEpochs.get(customer.id) ?? 0,
        }
        const agree = new Set(Object.values(counts)).size === 1
        return agree ? [] : [`${customer.code} has ${JSON.stringify(counts)}`]
      }),
    ],
  }
}
