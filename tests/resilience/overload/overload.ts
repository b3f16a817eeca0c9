import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { loginBody, race, restoreBody, restoreGrant, signIn } from '@rekey/test-support/flows'
import type { Processes } from '@rekey/test-support/processes'
import { createSender, type Outcome, offer } from './offer.ts'

interface Plan {
  /** How long more is asked than can be served. */
  seconds: number
  /** How many times the sign-ins that can be served are asked for. */
  times: number
  /** Histories, and restores, that are asked for meanwhile. */
  othersPerSecond: number
  /** New passwords that customers set meanwhile. */
  restores: number
  /** Whose sign-ins they are; the password need not be right. */
  person: TestCustomer
}

/** What was verified was served, whatever came of it. */
export const isServed = ({ status }: Outcome): boolean => status === 200 || status === 400
export const isRefused = ({ status }: Outcome): boolean => status === 503

/** Asks for the same thing in several places at once for a while. @returns how many a second can be served */
const measureCapacity = async (seconds: number, send: () => Promise<Outcome>, places = 8) => {
  const started = performance.now()
  const elapsedSeconds = () => (performance.now() - started) / 1_000
  let served = 0
  await race(places, async () => {
    while (elapsedSeconds() < seconds) if (isServed(await send())) served += 1
  })
  return served / elapsedSeconds()
}

/** Does as Retry-After says until it is served. */
const sendPatiently = async (send: () => Promise<Outcome>, times = 60): Promise<Outcome & { refusals: Outcome[] }> => {
  const refusals: Outcome[] = []
  for (;;) {
    const outcome = await send()
    if (!isRefused(outcome) || refusals.length === times) return { ...outcome, refusals }
    refusals.push(outcome)
    await delay(Number(outcome.retryAfter) * 1_000)
  }
}

/** The most memory a process has had so far, in MB; Linux says. */
const peakMemoryMb = ({ pid }: { pid: number }) =>
  Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024)

/** Offers a started product more sign-ins than it can hash, while other people want other things of it. */
export const overload = async (rekey: Processes, { seconds, times, othersPerSecond, restores, person }: Plan) => {
  const { send, close } = createSender(rekey.url)
  try {
    const reader = await createCustomer(rekey.postgres.url)
    const authorization = `Bearer ${await signIn(rekey, reader)}`
    const grants: string[] = []
    for (let made = 0; made < restores; made += 1) {
      grants.push(await restoreGrant(rekey, await createCustomer(rekey.postgres.url)))
    }
    const login = () => send({ method: 'POST', path: '/oauth/v2/login', body: loginBody(person) })
    const history = () => send({ method: 'GET', path: '/api/v2/my/password/changes', headers: { authorization } })
    const ask = () =>
      send({ method: 'POST', path: '/oauth/v2/passwordRestore', body: restoreBody('nobody@example.com') })
    const setPassword = async (successToken: string, index: number) => {
      await delay((index * seconds * 1_000) / grants.length)
      return sendPatiently(() =>
        send({
          method: 'POST',
          path: '/api/v2/my/password/restore',
          headers: { successToken },
          body: { password: 'a newer password' },
        }),
      )
    }

    await measureCapacity(2, login)
    const capacity = await measureCapacity(3, login)
    const perSecond = Math.ceil(times * capacity)
    const [logins, histories, asks, sets] = await Promise.all([
      offer({ perSecond, seconds, send: login }),
      offer({ perSecond: othersPerSecond, seconds, send: history }),
      offer({ perSecond: othersPerSecond, seconds, send: ask }),
      Promise.all(grants.map(setPassword)),
    ])

    const ended = performance.now()
    await sendPatiently(login)
    const firstServedMs = performance.now() - ended
    const after: Outcome[] = []
    while (after.length < 20) after.push(await login())
    return {
      capacity,
      perSecond,
      logins,
      histories,
      asks,
      sets,
      firstServedMs,
      after,
      capacityAfter: await measureCapacity(3, login),
      memoryMb: {
        'auth-gateway': peakMemoryMb(rekey.gateway),
        'password-service': peakMemoryMb(rekey.passwordService),
        notifier: peakMemoryMb(rekey.notifier),
      },
    }
  } finally {
    close()
  }
}
