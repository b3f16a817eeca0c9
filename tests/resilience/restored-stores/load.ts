import { setTimeout as delay } from 'node:timers/promises'
import type { TestCustomer } from '@rekey/test-support/customers'
import { change, changeGrant, claimsOf, restore, restoreGrant, signInTokens } from '@rekey/test-support/flows'
import type { Rekey } from '@rekey/test-support/rekey'

/** A new password that was answered 204. */
export interface Change {
  person: TestCustomer
  password: string
  at: number
}

/** A session, by its newest tokens. */
export interface Session {
  person: TestCustomer
  access: string
  refresh: string
  at: number
  /** When a new password of another session, or a restore, was answered 204. */
  endedAt?: number
}

const steps = ['restore', 'sign in', 'refresh', 'change'] as const
export type Step = (typeof steps)[number]

export interface Outcome {
  step: Step
  at: number
  ok: boolean
  /** True if a request was refused, not if a part was unavailable or no code came in time. */
  refused: boolean
}

class Refused extends Error {}

/** Longest wait of a customer for a code; then the customer begins again. */
const patienceMs = 8_000
const restMs = 150
/**
 * Between two new passwords of a customer. Their session epochs follow the clock in seconds; with two in one second an
 * epoch is ahead of the clock, and a Postgres that comes back within that second could give it again.
 */
const changeRestMs = 1_100

const impatiently = async <T>(work: Promise<T>): Promise<T> => {
  work.catch(() => {})
  const given = new AbortController()
  const late = delay(patienceMs, undefined, { signal: given.signal }).then(() => {
    throw new Error('no code came in time')
  })
  try {
    return await Promise.race([work, late])
  } finally {
    given.abort()
    late.catch(() => {})
  }
}

/** Customers who restore, sign in, refresh and change all the time, until it is stopped. */
export const startLoad = (rekey: Rekey, people: readonly TestCustomer[]) => {
  const changes: Change[] = []
  const sessions: Session[] = []
  const outcomes: Outcome[] = []
  let isOver = false
  let count = 0

  const setPassword = (person: TestCustomer, password: string, kept?: Session) => {
    const at = Date.now()
    changes.push({ person, password, at })
    for (const session of sessions) {
      if (session.person === person && session !== kept) session.endedAt ??= at
    }
  }
  const latest = (person: TestCustomer) =>
    sessions.findLast((one) => one.person === person && one.endedAt === undefined)
  const expectStatus = (expected: number, { status }: { status: number }): void => {
    if (status !== expected) throw status === 503 ? new Error('unavailable') : new Refused(String(status))
  }

  const run: Record<Step, (person: TestCustomer, passwords: Map<TestCustomer, string>) => Promise<void>> = {
    async restore(person, passwords) {
      const password = `birch anchor ${++count} tidal`
      const grant = await impatiently(restoreGrant(rekey, person))
      expectStatus(204, await restore(rekey, grant, password))
      passwords.set(person, password)
      setPassword(person, password)
    },
    async 'sign in'(person, passwords) {
      const at = Date.now()
      const tokens = await impatiently(signInTokens(rekey, { ...person, password: passwords.get(person) ?? '' }))
      if (!tokens.access_token) throw new Refused('no tokens')
      sessions.push({ person, access: tokens.access_token, refresh: tokens.refresh_token, at })
    },
    async refresh(person) {
      const session = latest(person)
      if (!session) return
      const { status, body } = await rekey.http.post<{ access_token: string; refresh_token: string }>(
        '/oauth/v2/token',
        {
          grant_type: 'refresh_token',
          refresh_token: session.refresh,
        },
      )
      expectStatus(200, { status })
      session.access = body.access_token
      session.refresh = body.refresh_token
    },
    async change(person, passwords) {
      const session = latest(person)
      if (!session) return
      const password = `granite harbour ${++count} willow`
      const grant = await impatiently(changeGrant(rekey, person, session.access))
      expectStatus(204, await change(rekey, session.access, grant, password))
      passwords.set(person, password)
      setPassword(person, password, session)
    },
  }

  const live = async (person: TestCustomer, first: number) => {
    const passwords = new Map([[person, person.password]])
    for (let turn = first; !isOver; turn += 1) {
      const step = steps[turn % steps.length] ?? 'restore'
      const at = Date.now()
      const failure = await run[step](person, passwords).then(
        () => undefined,
        (error: unknown) => error,
      )
      const ok = failure === undefined
      outcomes.push({ step, at, ok, refused: failure instanceof Refused })
      // After a failure the customer restores the password, as one does who does not know it.
      if (!ok) turn = steps.length - 1 + Math.floor(turn / steps.length) * steps.length
      // A new password that was answered with an error may have been stored.
      if (step === 'restore' || step === 'change') await delay(changeRestMs)
      else await delay(ok ? restMs : 3 * restMs)
    }
  }
  const lives = Promise.all(people.map(live))

  return {
    changes,
    sessions,
    outcomes,
    epochOf: ({ access }: Session) => Number(claimsOf(access).session_epoch),
    async stop() {
      isOver = true
      await lives
    },
  }
}

export type Load = ReturnType<typeof startLoad>
