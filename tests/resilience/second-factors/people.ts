import { setTimeout as delay } from 'node:timers/promises'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { wrongCode } from '@rekey/test-support/flows'
import { createEnroller } from '../../../services/auth-gateway/src/second-proofs/enrolment.fixture.ts'
import { stepAt } from '../../../services/password-service/src/factor-secrets/totp.ts'
import { codeOfTotp } from '../../../services/password-service/src/factors/factors.fixture.ts'
import type { FactorProof } from '../client-log.ts'
import { JourneyAbandoned, type Person } from '../journey-steps.ts'
import { retry } from '../retry.ts'

/** Shorter than usual, so that a short run has several: each step is right once. */
const periodSeconds = 15
const pollMs = 100

/** A code that is right once, and one that is wrong. */
export interface FactorCode extends Pick<FactorProof, 'method' | 'used'> {
  code: string
  wrong: string
}

/** A customer with an authenticator app or recovery codes. */
export interface Enrolled extends Person {
  method: FactorProof['method']
  /** False once all codes have been shown. */
  hasCodes(): boolean
  /** Waits until there is a code that was not shown before. */
  untilReady(signal: AbortSignal): Promise<void>
  /** The next code. @throws JourneyAbandoned if there is none now */
  nextCode(): FactorCode
}

const appOf = (customer: TestCustomer, totp: Parameters<typeof codeOfTotp>[0]): Enrolled => {
  let last = 0
  const current = () => stepAt(new Date(), periodSeconds)
  return {
    customer,
    password: customer.password,
    method: 'totp',
    hasCodes: () => true,
    async untilReady(signal) {
      while (current() <= last) await delay(pollMs, undefined, { signal })
    },
    nextCode() {
      const step = current()
      if (step <= last) throw new JourneyAbandoned('the code was shown already')
      last = step
      const code = codeOfTotp({ ...totp, period: periodSeconds }, new Date(step * periodSeconds * 1_000))
      return { method: this.method, used: String(step), code, wrong: wrongCode(code) }
    },
  }
}

/** No code has four letters Z at its end but by a chance of one in a million. */
const wrongRecoveryCode = (code: string) => code.replace(/.{4}$/, 'ZZZZ')

const paperOf = (customer: TestCustomer, codes: string[]): Enrolled => ({
  customer,
  password: customer.password,
  method: 'recovery_code',
  hasCodes: () => codes.length > 0,
  async untilReady() {},
  nextCode() {
    const code = codes.shift()
    if (code === undefined) throw new JourneyAbandoned('all recovery codes were shown')
    return { method: this.method, used: code, code, wrong: wrongRecoveryCode(code) }
  },
})

interface Places {
  databaseUrl: string
  /** Path of the password-service's secrets. */
  secretsFile: string
}

/** Makes customers with a second factor that is not young. Postgres may fail meanwhile: begins again with a new one. */
export const createPeople = (
  { databaseUrl, secretsFile }: Places,
  { customers, stopped }: { customers: TestCustomer[]; stopped: AbortSignal },
) => {
  const enroller = createEnroller({ databaseUrl, secretsFile, now: () => new Date() })
  const make = async (enrol: (customer: TestCustomer) => Promise<Enrolled>): Promise<Enrolled> => {
    const person = await retry(async () => enrol(await createCustomer(databaseUrl)), stopped)
    customers.push(person.customer)
    return person
  }
  return {
    withApp: () => make(async (customer) => appOf(customer, await enroller.enrolApp(customer, periodSeconds))),
    withRecoveryCodes: () => make(async (customer) => paperOf(customer, await enroller.giveRecoveryCodes(customer))),
  }
}
