import type { HistoryRow } from '../held.ts'
import { type Grant, isDone, isUnknown } from '../seen.ts'
import { byCustomer } from './by-customer.ts'
import { isFact } from './events.ts'
import type { Check } from './finding.ts'

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

export const answeredAreInHistory: Check = (seen, held) => {
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

/** Passwords that are asked about at a time: two services verify them. */
const askedAtOnce = 4

export const lastPasswordVerifies: Check = async (seen, held) => {
  const triedBy = Map.groupBy(seen.grants, ({ customer }) => customer)
  const faults: string[] = []
  let passwords = 0
  for (const { customer, spent } of byCustomer(seen, held)) {
    const last = new Set(spent.map(passwordsOf).at(-1) ?? [customer.password])
    const tried = (triedBy.get(customer) ?? []).flatMap(({ tries }) => tries.map(({ password }) => password))
    const others = new Set([customer.password, ...tried].filter((password) => !last.has(password)))
    const count = async (which: Set<string>) => {
      const all = [...which]
      let found = 0
      while (all.length > 0) {
        const asked = all.splice(0, askedAtOnce).map((password) => held.isPassword(customer.email, password))
        found += (await Promise.all(asked)).filter(Boolean).length
      }
      return found
    }
    passwords += last.size + others.size
    const fit = await count(last)
    if (fit !== 1) faults.push(`of what may be the last password of ${customer.code} ${fit} are one`)
    const more = await count(others)
    if (more > 0) faults.push(`${customer.code} signs in with ${more} passwords that are not the last`)
  }
  return { proven: seen.customers.length, kinds: { 'passwords tried': passwords }, faults }
}

export const wholeOrNothing: Check = (seen, held) => {
  const events = Map.groupBy(
    held.outbox.filter(({ type }) => isFact(type)),
    ({ subject }) => subject,
  )
  const known = new Set(seen.grants.flatMap(({ jti, challengeId }) => [jti, challengeId]))
  const unknown = seen.grants.filter(({ tries }) => tries.length > 0 && !tries.some(isDone))
  const done = unknown.filter(({ jti }) => held.spentTokens.has(jti)).length
  return {
    proven: unknown.length,
    // Each may have been told how it ended.
    mayBeEmpty: true,
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
