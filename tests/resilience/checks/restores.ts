import { isDeepStrictEqual } from 'node:util'
import type { RestoreSend } from '../held.ts'
import { isDone, type Seen } from '../seen.ts'
import type { StoredEvent } from '../stored-events.ts'
import { byCustomer } from './by-customer.ts'
import { type Check, repeated } from './finding.ts'

/** Codes that were sent are counted by the hour. */
const countedForMs = 3_600_000
/** Whose restore it is must be known for as long as a grant lives that its code was traded for. */
const grantLivesMs = 10 * 60_000

const nameOf = ({ challengeId, sendNumber }: Record<keyof RestoreSend, unknown>) => `${challengeId}.${sendNumber}`

/** By the challenge, the id of the customer who was promised its code. */
const askers = ({ customers, promisedCodes }: Seen): Map<string, number> => {
  const byAddress = new Map(customers.flatMap(({ id, email, phone }) => [[email, id] as const, [phone, id] as const]))
  return new Map(promisedCodes.map(({ to, challengeId }) => [challengeId, byAddress.get(to) ?? 0]))
}

const isRestore = ({ type }: StoredEvent) => type === 'auth.restore.requested'

export const restoresAreNoted: Check = (seen, held) => {
  const asked = held.events.AUTH.filter((event) => isRestore(event) && !event.data.withheld)
  const byChallenge = new Map(asked.map((event) => [event.subject, event]))
  const askedBy = askers(seen)
  const names = new Set(asked.map(({ data }) => nameOf(data as unknown as RestoreSend)))
  const counted = held.restoreSends.map(nameOf)
  const isAnothers = (challengeId: string, customerId: number) =>
    !byChallenge.has(challengeId) || (askedBy.get(challengeId) ?? customerId) !== customerId
  const saidOf = byCustomer(seen, held).flatMap(({ customer, spent }) => {
    const last = spent.at(-1)
    const answeredAt = last ? last.tries.find(isDone)?.endedAt : new Date(0)
    // A new password ends the restores of before; whether it came before or after one of them nobody was told.
    if (!answeredAt) return []
    return asked
      .filter(
        ({ subject, time, data }) =>
          askedBy.get(subject) === customer.id &&
          (time > answeredAt || subject === last?.challengeId) &&
          new Date(String(data.expiresAt)).getTime() + grantLivesMs > held.readAt.getTime(),
      )
      .map(({ subject }) => subject)
  })
  const mustBeOpen = [...new Set(saidOf)]
  return {
    proven: names.size,
    kinds: { open: held.openRestores.size, 'of which that could be said': mustBeOpen.length },
    faults: [
      ...asked
        .filter(({ time }) => time.getTime() + countedForMs > held.readAt.getTime())
        .map(({ data }) => nameOf(data as unknown as RestoreSend))
        .filter((name) => !counted.includes(name))
        .map((name) => `the code ${name} is not counted`),
      ...repeated(counted).map((name) => `the code ${name} is counted twice`),
      ...held.restoreSends
        .filter(({ challengeId, customerId }) => isAnothers(challengeId, customerId))
        .map((send) => `the code ${nameOf(send)} is counted for ${send.customerId}, who did not ask for it`),
      ...mustBeOpen
        .filter((challenge) => !held.openRestores.has(challenge))
        .map((challenge) => `whose restore ${challenge} is was not noted`),
      ...[...held.openRestores]
        .filter(([challenge, customerId]) => isAnothers(challenge, customerId))
        .map(([challenge, customerId]) => `restore ${challenge} is noted for ${customerId}, who did not ask for it`),
    ],
  }
}

const isWrongCode = ({ type, data }: StoredEvent) =>
  (type === 'auth.challenge.failed' || type === 'auth.challenge.locked') && data.purpose === 'restore'
const isRightCode = ({ type, data }: StoredEvent) => type === 'auth.challenge.verified' && data.purpose === 'restore'

/** Of a restore that is open it can be said that each wrong code counts until it is forgiven; of others that none does after. */
export const wrongCodesCountOnce: Check = (seen, { events, openRestores, wrongCodes, forgivenAt }) => {
  const askedBy = askers(seen)
  const failed = events.AUTH.filter(isWrongCode)
  const verified = events.AUTH.filter(isRightCode)
  const facts = failed.map(({ subject, data, time }) => ({
    challengeId: subject,
    attempt: data.attempt,
    failedAt: time,
  }))
  const forgiven = (customerId: number) => forgivenAt.get(customerId)?.getTime() ?? 0
  const toText = ({ challengeId, attempt }: { challengeId: string; attempt: unknown }) =>
    `wrong code ${attempt} of ${challengeId}`
  const counted = wrongCodes.map(toText)
  return {
    proven: failed.length + verified.length,
    kinds: { wrong: failed.length, 'of which count': wrongCodes.length },
    faults: [
      ...repeated(counted).map((name) => `${name} counts twice`),
      ...wrongCodes
        .filter(({ customerId, ...wrong }) => !facts.some((fact) => isDeepStrictEqual(fact, wrong)))
        .map((wrong) => `${toText(wrong)} counts, and was not given`),
      ...wrongCodes
        .filter(({ challengeId, customerId }) => (askedBy.get(challengeId) ?? customerId) !== customerId)
        .map((wrong) => `${toText(wrong)} counts against ${wrong.customerId}, who did not ask for it`),
      ...wrongCodes
        .filter(({ customerId, failedAt }) => failedAt.getTime() <= forgiven(customerId))
        .map((wrong) => `${toText(wrong)} counts, and is forgiven`),
      ...facts
        .filter(({ challengeId, failedAt }) => {
          const customerId = openRestores.get(challengeId)
          return customerId !== undefined && failedAt.getTime() > forgiven(customerId)
        })
        .filter((fact) => !counted.includes(toText(fact)))
        .map((fact) => `${toText(fact)} does not count`),
      ...verified
        .filter(({ subject, time }) => {
          const customerId = openRestores.get(subject)
          return customerId !== undefined && forgiven(customerId) < time.getTime()
        })
        .map(({ subject }) => `the right code of ${subject} forgave nothing`),
    ],
  }
}
