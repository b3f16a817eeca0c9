import { isDeepStrictEqual } from 'node:util'
import { type ClientLog, isDone } from '../client-log.ts'
import type { RestoreSend } from '../final-state.ts'
import type { StoredEvent } from '../stored-events.ts'
import { byCustomer } from './by-customer.ts'
import { type Check, repeated } from './finding.ts'

/** The quota of codes has a window of an hour. */
const countedForMs = 3_600_000
/** The customer of a restore must stay stored for the lifetime of a grant. */
const grantLivesMs = 10 * 60_000

const nameOf = ({ challengeId, sendNumber }: Record<keyof RestoreSend, unknown>) => `${challengeId}.${sendNumber}`

/** The customer id by challenge, for promised codes. */
const customersByChallenge = ({ customers, promisedCodes }: ClientLog): Map<string, number> => {
  const byAddress = new Map(customers.flatMap(({ id, email, phone }) => [[email, id] as const, [phone, id] as const]))
  return new Map(promisedCodes.map(({ to, challengeId }) => [challengeId, byAddress.get(to) ?? 0]))
}

const isRestore = ({ type }: StoredEvent) => type === 'auth.restore.requested'

export const restoresAreStored: Check = (clientLog, state) => {
  const requested = state.events.AUTH.filter((event) => isRestore(event) && !event.data.withheld)
  const byChallenge = new Map(requested.map((event) => [event.subject, event]))
  const customerOf = customersByChallenge(clientLog)
  const names = new Set(requested.map(({ data }) => nameOf(data as unknown as RestoreSend)))
  const counted = state.restoreSends.map(nameOf)
  const isOfAnother = (challengeId: string, customerId: number) =>
    !byChallenge.has(challengeId) || (customerOf.get(challengeId) ?? customerId) !== customerId
  const certain = byCustomer(clientLog, state).flatMap(({ customer, spent }) => {
    const last = spent.at(-1)
    const answeredAt = last ? last.tries.find(isDone)?.endedAt : new Date(0)
    // A new password ends earlier restores. Without its answer it is uncertain which restores were earlier.
    if (!answeredAt) return []
    return requested
      .filter(
        ({ subject, time, data }) =>
          customerOf.get(subject) === customer.id &&
          (time > answeredAt || subject === last?.challengeId) &&
          new Date(String(data.expiresAt)).getTime() + grantLivesMs > state.readAt.getTime(),
      )
      .map(({ subject }) => subject)
  })
  const mustBeOpen = [...new Set(certain)]
  return {
    checked: names.size,
    breakdown: { open: state.openRestores.size, 'of which certain': mustBeOpen.length },
    violations: [
      ...requested
        .filter(({ time }) => time.getTime() + countedForMs > state.readAt.getTime())
        .map(({ data }) => nameOf(data as unknown as RestoreSend))
        .filter((name) => !counted.includes(name))
        .map((name) => `the code ${name} is not counted`),
      ...repeated(counted).map((name) => `the code ${name} is counted twice`),
      ...state.restoreSends
        .filter(({ challengeId, customerId }) => isOfAnother(challengeId, customerId))
        .map((send) => `the code ${nameOf(send)} is counted for ${send.customerId}, who did not request it`),
      ...mustBeOpen
        .filter((challenge) => !state.openRestores.has(challenge))
        .map((challenge) => `restore ${challenge} is not stored`),
      ...[...state.openRestores]
        .filter(([challenge, customerId]) => isOfAnother(challenge, customerId))
        .map(([challenge, customerId]) => `restore ${challenge} is stored for ${customerId}, who did not request it`),
    ],
  }
}

/** A wrong second proof, which names its customer, counts whatever it was given for. */
const isWrongCode = ({ type, data }: StoredEvent) =>
  (type === 'auth.challenge.failed' || type === 'auth.challenge.locked') &&
  (data.purpose === 'restore' || data.customer !== undefined)
const isRightCode = ({ type, data }: StoredEvent) => type === 'auth.challenge.verified' && data.purpose === 'restore'

/** Wrong codes of open restores must count until they are reset; those of ended restores must not count afterwards. */
export const wrongCodesCountOnce: Check = (clientLog, { events, openRestores, wrongCodes, failuresResetAt }) => {
  const customerOf = customersByChallenge(clientLog)
  const failed = events.AUTH.filter(isWrongCode)
  const verified = events.AUTH.filter(isRightCode)
  const failures = failed.map(({ subject, data, time }) => ({
    challengeId: subject,
    attempt: data.attempt,
    failedAt: time,
  }))
  const resetAt = (customerId: number) => failuresResetAt.get(customerId)?.getTime() ?? 0
  const toText = ({ challengeId, attempt }: { challengeId: string; attempt: unknown }) =>
    `wrong code ${attempt} of ${challengeId}`
  const counted = wrongCodes.map(toText)
  return {
    checked: failed.length + verified.length,
    breakdown: { wrong: failed.length, 'of which count': wrongCodes.length },
    violations: [
      ...repeated(counted).map((name) => `${name} counts twice`),
      ...wrongCodes
        .filter(({ customerId, ...wrong }) => !failures.some((failure) => isDeepStrictEqual(failure, wrong)))
        .map((wrong) => `${toText(wrong)} counts and was not sent`),
      ...wrongCodes
        .filter(({ challengeId, customerId }) => (customerOf.get(challengeId) ?? customerId) !== customerId)
        .map((wrong) => `${toText(wrong)} counts against ${wrong.customerId}, who did not request it`),
      ...wrongCodes
        .filter(({ customerId, failedAt }) => failedAt.getTime() <= resetAt(customerId))
        .map((wrong) => `${toText(wrong)} counts after a reset`),
      ...failures
        .filter(({ challengeId, failedAt }) => {
          const customerId = openRestores.get(challengeId)
          return customerId !== undefined && failedAt.getTime() > resetAt(customerId)
        })
        .filter((failure) => !counted.includes(toText(failure)))
        .map((failure) => `${toText(failure)} does not count`),
      ...verified
        .filter(({ subject, time }) => {
          const customerId = openRestores.get(subject)
          return customerId !== undefined && resetAt(customerId) < time.getTime()
        })
        .map(({ subject }) => `the right code of ${subject} did not reset failed attempts`),
    ],
  }
}
