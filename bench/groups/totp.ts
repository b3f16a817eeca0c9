import { setTimeout as delay } from 'node:timers/promises'
import { passwordHash, sql, type TestCustomer } from '@rekey/test-support/customers'
import { cheapHashes } from '@rekey/test-support/limits'
import { createEnroller } from '../../services/auth-gateway/src/second-proofs/enrolment.fixture.ts'
import { stepAt, type Totp, usualPeriodSeconds } from '../../services/password-service/src/factor-secrets/totp.ts'
import { codeOfTotp } from '../../services/password-service/src/factors/factors.fixture.ts'
import type { Bench, Figure, Group } from '../harness/bench.ts'
import type { Contestant } from '../harness/contestant.ts'
import type { LoadRequest } from '../harness/protocol.ts'
import { byHttp, contest, perSecond, ratioOf } from '../harness/rounds.ts'
import { accessToken, customersOf, devices, ours, post, signIns, sizesFor, startFloor } from './contestants.ts'
import { connections } from './hashes.ts'

const figures = [
  { name: 'totp-rate', what: 'TOTP step of the sign-in (A5, mfa_otp), requests/s ÷ floor', goal: { atLeast: 0.75 } },
] satisfies Figure[]

const pollMs = 100

const completion = (mfaToken: string, code: string) =>
  post('/oauth/v2/token', { grant_type: 'mfa_otp', mfa_token: mfaToken, code })

type Enrolled = TestCustomer & { totp: Totp }

/** Gives each customer an authenticator app, and a cheap hash: each round needs sign-ins, which are not measured. */
const prepare = async (contestant: Contestant): Promise<Enrolled[]> => {
  const { databaseUrl, passwordServiceSecrets: secretsFile } = contestant.facts as Record<string, string>
  if (!databaseUrl || !secretsFile) throw new Error(`${contestant.name} gave no database or no file of secrets`)
  const { enrolApp } = createEnroller({ databaseUrl, secretsFile, now: () => new Date() })
  const enrolled = await Promise.all(
    customersOf(contestant).map(async (customer) => ({ ...customer, totp: await enrolApp(customer) })),
  )
  await sql(databaseUrl, 'UPDATE credential SET hash = $1', [passwordHash])
  await sql(databaseUrl, 'ANALYZE')
  return enrolled
}

/** A4 of each customer, then the requests of A5. Each time step is right once: every round waits for a later one. */
const createCompletions = ({ load }: Bench, contestant: Contestant, customers: Enrolled[]) => {
  let usedStep = 0
  const currentStep = () => stepAt(new Date(), usualPeriodSeconds)
  return async (): Promise<LoadRequest[]> => {
    const plan = { url: contestant.url, requests: signIns(customers), expected: devices, amount: customers.length }
    const { wrong, answers = [] } = await load.run({ ...plan, connections, keepAnswers: true })
    if (wrong.length > 0) throw new Error(`signing in: ${wrong.join('; ')}`)
    // Before the codes are made: a code is right for 30 s at least, in which the round must end.
    await contestant.untilIdle()
    while (currentStep() <= usedStep) await delay(pollMs)
    usedStep = currentStep()
    const at = new Date(usedStep * usualPeriodSeconds * 1_000)
    return customers.map(({ totp }, index) =>
      completion(JSON.parse(answers[index]?.body ?? '{}').mfa_token, codeOfTotp(totp, at)),
    )
  }
}

/** The code of bench/floors/totp.ts. Each request is of another sign-in. */
const floorRequests = async (amount: number) =>
  Array.from({ length: amount }, () => completion(crypto.randomUUID(), '287082'))

export const totp: Group = {
  name: 'totp',
  what: 'sign-ins that end with the code of an authenticator app (A5, mfa_otp)',
  figures,
  async run(bench: Bench) {
    const sizes = sizesFor(bench, bench.quick ? 0.3 : 0.19)
    // Services of their own: restores of customers with an app need a second proof, which other groups do not give.
    const contestant = await bench.ownContestant(ours, {
      kind: 'ours',
      options: { smtpUrl: bench.load.smtpUrl, customers: sizes.amount, env: cheapHashes },
    })
    const customers = await prepare(contestant)
    const entries = [
      byHttp(bench, {
        contestant,
        requests: createCompletions(bench, contestant, customers),
        expected: accessToken,
      }),
      byHttp(bench, {
        contestant: await startFloor(bench, 'totp'),
        requests: floorRequests,
        expected: accessToken,
        times: 4,
      }),
    ]
    const samples = await contest(entries, sizes, bench)
    return {
      contests: [{ title: 'A5 mfa_otp', samples }],
      figures: { 'totp-rate': ratioOf(samples, [ours, 'floor totp'], perSecond) },
    }
  },
}
