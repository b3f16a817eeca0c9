import type { Authenticator } from '@rekey/test-support/authenticator'
import { createCustomer, sql, type TestCustomer } from '@rekey/test-support/customers'
import { askRestore, claimsOf, login, restoreGrant } from '@rekey/test-support/flows'
import type { Rekey } from '@rekey/test-support/rekey'
import { type Person, persons } from '../../../scripts/docs/takeover-table.ts'
import { createProver } from '../../../services/auth-gateway/src/second-proofs/second-proofs.fixture.ts'
import { createActor } from './actor.ts'
import { type App, createApp } from './app.ts'
import { enrolPasskey, noPasskey } from './passkey.ts'

const kinds = { email: 'email', sms: 'phone' } as const

/** A customer from whom something is stolen. */
export interface Victim extends TestCustomer {
  /** Confirmed ones: e-mail before phone. */
  addresses: string[]
  /** The customer's authenticator app; undefined without one. */
  app: App | undefined
  /** The passkey of the customer's phone; undefined without one. */
  passkey: Authenticator | undefined
  /** The access token of an open session. */
  session: string | undefined
  /** Values by which the stored records of the customer are found. */
  marks: Set<string>
}

/** The part of a customer that can be stolen. */
export type Robbed = Pick<Victim, 'email' | 'phone' | 'addresses' | 'app' | 'passkey' | 'password' | 'session'>

/** What the customer did before the theft. `active`: left something of each kind in the stores. */
interface Before {
  isSignedIn: boolean
  isActive: boolean
}

/** What an `mfa_token` names: its challenge, and the account key that Redis keeps it under. Empty for a sealed token. */
export const namesIn = (mfaToken: unknown): [challengeId: string, account: string] => {
  const { sub = '', sid = '' } = claimsOf(String(mfaToken))
  return [String(sub), String(sid).split('.')[1] ?? '']
}

/** What decides which attacks are possible on a customer of this kind. */
export const outlineOf = (person: Person): Robbed => {
  const methods: readonly string[] = persons[person]
  const phone = '+440'
  return {
    email: 'email',
    phone,
    addresses: ['email', ...(methods.includes('sms') ? [phone] : [])],
    app: methods.includes('totp') ? createApp('', () => new Date()) : undefined,
    passkey: methods.includes('passkey') ? noPasskey() : undefined,
    password: 'password',
    session: 'session',
  }
}

/** Makes customers on a running product. */
export const createVictims = (rekey: Rekey) => {
  const { postgres, clock } = rekey
  const prover = createProver(rekey)

  /** A customer who has the first of these methods as addresses. */
  const withMethods = async (methods: readonly string[]): Promise<TestCustomer> => {
    const customer = await createCustomer(postgres.url)
    const kept = Object.entries(kinds).flatMap(([method, kind]) => (methods.includes(method) ? [kind] : []))
    const text = 'DELETE FROM identifier WHERE customer_id = $1 AND NOT kind = ANY($2::identifier_kind[])'
    await sql(postgres.url, text, [customer.id, kept])
    const age = "UPDATE customer SET created_at = created_at - interval '30 days' WHERE id = $1"
    await sql(postgres.url, age, [customer.id])
    return customer
  }

  /** A sign-in whose code was sent, a restore whose code was sent, and one whose code was given. */
  const beActive = async (victim: Victim) => {
    const { body } = await login(rekey, victim)
    const { answer } = await askRestore(rekey, victim.email)
    const grant = await restoreGrant(rekey, victim)
    const names = [...namesIn(body.mfa_token), ...namesIn(answer.body.mfa_token), String(claimsOf(grant).challenge_id)]
    for (const name of names) victim.marks.add(name)
  }

  return {
    async create(person: Person, { isSignedIn, isActive }: Before): Promise<Victim> {
      const methods: readonly string[] = persons[person]
      const customer = await withMethods(methods)
      const addresses = [customer.email, ...(methods.includes('sms') ? [customer.phone] : [])]
      const secret = methods.includes('totp') ? (await prover.enrolApp(customer)).secret : undefined
      const app = secret === undefined ? undefined : createApp(secret, clock.now)
      const marks = new Set([customer.code, ...addresses])
      const passkey = methods.includes('passkey') ? await enrolPasskey(rekey, customer) : undefined
      const victim: Victim = { ...customer, addresses, app, passkey, session: undefined, marks }
      // With a code by e-mail: the codes of the app are left to the thief.
      const means = { addresses, reads: [customer.email], apps: [], passkeys: [] }
      if (isSignedIn || isActive) {
        victim.session = await createActor(rekey, customer, means).signIn(customer.password)
        if (victim.session === undefined) throw new Error('the customer could not sign in')
        marks.add(String(claimsOf(victim.session).sid))
      }
      if (isActive) await beActive(victim)
      return victim
    },
    /** A customer with mail who is the thief. */
    createOwn: () => withMethods(['email']),
  }
}

export type Victims = ReturnType<typeof createVictims>
