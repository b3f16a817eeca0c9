import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createCustomer } from '@rekey/testing/customers'
import { loginBody, race, restoreBody, restoreGrant, signIn } from '@rekey/testing/flows'
import type { Processes } from '@rekey/testing/processes'
import { createSender, type Outcome, offer, type Send } from './offer.ts'

interface Plan {
  /** How long more is asked than can be served. */
  seconds: number
  /** How many times the sign-ins that can be served are asked for. */
  times: number
  /** New passwords that customers set meanwhile. */
  restores: number
}

/** Asks for the same thing in several places at once for a while: what is served then is what can be. */
const serveClosely = async (places: number, seconds: number, send: () => Promise<Outcome>) => {
  const until = performance.now() + seconds * 1_000
  const started = performance.now()
  const outcomes: Outcome[] = []
  const place = async () => {
    while (performance.now() < until) outcomes.push(await send())
  }
  await race(places, place)
  const served = outcomes.filter(({ status }) => status === 200).length
  return served / ((performance.now() - started) / 1_000)
}

/** Does as Retry-After says until it is answered with something else. */
const sendPatiently = async (send: () => Promise<Outcome>, times = 60): Promise<Outcome & { refusals: Outcome[] }> => {
  const refusals: Outcome[] = []
  for (;;) {
    const outcome = await send()
    if (outcome.status !== 503 || refusals.length === times) return { ...outcome, refusals }
    refusals.push(outcome)
    await delay(Number(outcome.retryAfter) * 1_000)
  }
}

/** The most memory a process has had so far, in MB; Linux says. */
const peakMemoryMb = (pid: number) =>
  Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024)

/** Offers a started product more sign-ins than it can hash, with everything else that people do going on beside. */
export const overload = async (rekey: Processes, { seconds, times, restores }: Plan) => {
  const { send, close } = createSender(rekey.url)
  try {
    const customers = await race(restores + 10, () => createCustomer(rekey.postgres.url))
    const [person, ...others] = customers
    if (!person) throw new Error('no customer')
    const authorization = `Bearer ${await signIn(rekey, person)}`
    const grants: string[] = []
    for (const other of others.slice(0, restores)) grants.push(await restoreGrant(rekey, other))

    const login = () => send({ method: 'POST', path: '/oauth/v2/login', body: loginBody(person) })
    const history = () => send({ method: 'GET', path: '/api/v2/my/password/changes', headers: { authorization } })
    const ask: () => ReturnType<Send> = () =>
      send({ method: 'POST', path: '/oauth/v2/passwordRestore', body: restoreBody('nobody@example.com') })
    const setPassword = (successToken: string) =>
      send({
        method: 'POST',
        path: '/api/v2/my/password/restore',
        headers: { successToken },
        body: { password: 'a newer password' },
      })

    await serveClosely(8, 2, login)
    const capacity = await serveClosely(8, 4, login)
    const perSecond = Math.ceil(times * capacity)

    const [logins, histories, asks, sets] = await Promise.all([
      offer({ perSecond, seconds, send: login }),
      offer({ perSecond: 20, seconds, send: history }),
      offer({ perSecond: 20, seconds, send: ask }),
      Promise.all(
        grants.map(async (grant, index) => {
          await delay((index * seconds * 1_000) / grants.length)
          return sendPatiently(() => setPassword(grant))
        }),
      ),
    ])
    const ended = performance.now()
    const first = await sendPatiently(login)
    const firstServedMs = performance.now() - ended
    const after = await serveClosely(8, 4, login)
    const memoryMb = {
      'auth-gateway': peakMemoryMb(rekey.gateway.pid),
      'password-service': peakMemoryMb(rekey.passwordService.pid),
      notifier: peakMemoryMb(rekey.notifier.pid),
    }
    return { capacity, perSecond, logins, histories, asks, sets, first, firstServedMs, after, memoryMb }
  } finally {
    close()
  }
}

export type Overloaded = Awaited<ReturnType<typeof overload>>
