import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { loginBody, race, restoreBody, restoreGrant, signIn } from '@rekey/test-support/flows'
import type { Processes } from '@rekey/test-support/processes'
import { createSender, type Outcome, offer } from './offer.ts'

interface Plan {
  /** Duration of the overload. */
  seconds: number
  /** Offered sign-ins as a multiple of the capacity. */
  times: number
  /** Rate of histories, and of restore requests, during the overload. */
  othersPerSecond: number
  /** New passwords that customers set during the overload. */
  restores: number
  /** Customer of the sign-ins; the password may be wrong. */
  person: TestCustomer
}

/** True if the password was verified, right or wrong. */
export const isServed = ({ status }: Outcome): boolean => status === 200 || status === 400
export const isRefused = ({ status }: Outcome): boolean => status === 503

/** Sends the same request in parallel for a while. @returns served requests per second */
const measureCapacity = async (seconds: number, send: () => Promise<Outcome>, places = 8) => {
  const started = performance.now()
  const elapsedSeconds = () => (performance.now() - started) / 1_000
  let served = 0
  await race(places, async () => {
    while (elapsedSeconds() < seconds) if (isServed(await send())) served += 1
  })
  return served / elapsedSeconds()
}

/** Retries after Retry-After until it is served. */
const sendPatiently = async (send: () => Promise<Outcome>, times = 60): Promise<Outcome & { refusals: Outcome[] }> => {
  const refusals: Outcome[] = []
  for (;;) {
    const outcome = await send()
    if (!isRefused(outcome) || refusals.length === times) return { ...outcome, refusals }
    refusals.push(outcome)
    await delay(Number(outcome.retryAfter) * 1_000)
  }
}

/** Peak resident memory of a process, in MB. Linux only. */
const peakMemoryMb = ({ pid }: { pid: number }) =>
  Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024)

/** Offers a running product more sign-ins than it can hash, with other requests in parallel. */
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
