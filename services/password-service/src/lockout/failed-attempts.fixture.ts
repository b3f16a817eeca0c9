import { ChallengeFailed, ChallengeLocked, ChallengeVerified, type Purpose, scopes } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { race } from '@rekey/test-support/flows'
import type { startPasswordService } from '@rekey/test-support/password-service'
import { createCodeSource } from '../codes/codes.fixture.ts'

type Service = Awaited<ReturnType<typeof startPasswordService>>
type Customer = Awaited<ReturnType<Service['customer']>>

/** Wrong codes of one challenge, until the gateway locks it. */
export const mostAttempts = 5

/** Publishes a gateway's events of right and wrong codes, and reads what the service makes of them. */
export const createGuesses = (service: Service) => {
  const { query, clock, publisher, http, grant } = service
  const codes = createCodeSource(service)
  const { requestRestore, everythingHandled, reasonsOf } = codes

  /** Publishes the gateway's event of a wrong code: its number within the challenge, and its time. */
  const guess = (
    challengeId: string,
    attempt: number,
    { at = clock.now(), purpose = 'restore', username }: { at?: Date; purpose?: Purpose; username?: string } = {},
  ) => {
    const kind = attempt < mostAttempts ? ChallengeFailed : ChallengeLocked
    const about = { challengeId, purpose, clientId: 'ib_localhost', ip: '203.0.113.7' }
    const data = { ...about, attempt, ...(username !== undefined && { username }) }
    return publisher.send({ ...publisher.event(kind, { subject: challengeId, data }), time: at })
  }

  const answerRight = (challengeId: string, at = clock.now()) => {
    const data = { challengeId, purpose: 'restore' as const, clientId: 'ib_localhost', ip: '203.0.113.7' }
    return publisher.send({ ...publisher.event(ChallengeVerified, { subject: challengeId, data }), time: at })
  }

  const guessAll = (challengeId: string, { at = clock.now() } = {}) =>
    race(mostAttempts, (index) => guess(challengeId, index + 1, { at }))

  const failuresOf = ({ id }: Customer) => query('SELECT * FROM restore_failure WHERE customer_id = $1', [id])
  const counted = (customer: Customer, count: number) =>
    eventually(async () => (await failuresOf(customer)).length === count, {
      what: `${count} wrong codes to be counted`,
      timeoutMs: 60_000,
    })

  /** Earlier wrong codes, each after any lockout had ended. */
  const failedBefore = ({ id }: Customer, count: number) =>
    query(
      `INSERT INTO restore_failure
       SELECT gen_random_uuid(), 1, $1, $2::timestamptz - two_days * interval '2 days' FROM generate_series(1, $3) two_days`,
      [id, clock.now(), count],
    )

  /** Wrong codes of new restores, five for each. */
  const guessTimes = async (customer: Customer, times: number) => {
    const before = (await failuresOf(customer)).length
    for (let count = 0; count < times; count += mostAttempts) {
      await guessAll(await service.restoreOf(customer.id))
      await counted(customer, before + count + mostAttempts)
    }
  }

  const isLocked = async ([username = '']: string[]) => {
    const challengeId = await requestRestore(username)
    await everythingHandled()
    const [reason, ...more] = reasonsOf(challengeId)
    if (more.length > 0) throw new Error(`suppressed more than once: ${more}`)
    const isSent = (await service.events('NOTIFY', challengeId)).length === 1
    if (isSent !== (reason === undefined)) throw new Error(`both sent and suppressed, or neither: ${reason}`)
    return reason === 'info: lockout'
  }

  const restore = (challengeId: string, times: { iat?: number; auth_time?: number } = {}) =>
    http.post(
      '/api/v2/my/password/restore',
      { password: 'Another-1' },
      { successToken: grant('restore', challengeId, times) },
    )

  const liftBlock = ({ id }: Customer) =>
    http.send('DELETE', `/api/v2/clients/${id}/block`, {
      authorization: service.bearer('backend_fin', scopes.backOffice, { client_id: 'backend_fin' }),
    })

  const notificationsOf = async ({ code }: Customer) => {
    await service.outboxEmpty()
    return (await service.events('NOTIFY', code)).filter(({ type }) => type === 'notify.restore-blocked')
  }

  return {
    ...codes,
    guess,
    answerRight,
    guessAll,
    failuresOf,
    counted,
    failedBefore,
    guessTimes,
    isLocked,
    restore,
    liftBlock,
    notificationsOf,
  }
}
