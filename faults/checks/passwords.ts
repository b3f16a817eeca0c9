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

export const lastPasswordVerifies: Check = async (seen, held) => {
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
