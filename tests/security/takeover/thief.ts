import type { Rekey } from '@rekey/test-support/rekey'
import type { Theft, Thing, Way } from '../../../scripts/docs/takeover-table.ts'
import { createActor } from './actor.ts'
import type { Guess, Means } from './proofs.ts'
import { sendAs } from './staff.ts'
import type { Robbed, Victim } from './victims.ts'

/** A new password that a thief has set. */
export interface SetPassword {
  password: string
  way: Way
}

/** What a thief of these things can do to a customer. */
export const lootOf = (theft: Theft, { email, phone, addresses, app, passkey, password, session }: Robbed) => {
  const has = (...things: Thing[]) => things.some((thing) => theft.includes(thing))
  const hasSms = addresses.includes(phone)
  return {
    reads: [...(has('mailbox') ? [email] : []), ...(has('sim', 'phone') && hasSms ? [phone] : [])],
    apps: has('phone') && app ? [app] : [],
    passkeys: has('phone') && passkey ? [passkey] : [],
    password: has('password') ? password : undefined,
    session: has('session') ? session : undefined,
    isStaff: has('staff'),
    hasSecondStaff: has('secondStaff'),
    hearsCodes: has('readOut'),
    guessesOnly: has('data'),
    stores: {
      redis: has('redis', 'redisWriter'),
      postgres: has('postgres'),
      nats: has('nats'),
    },
    writesRedis: has('redisWriter'),
  }
}
export type Loot = ReturnType<typeof lootOf>

/** A thief of these things from one customer. */
export const createThief = (rekey: Rekey, theft: Theft, victim: Victim) => {
  const loot = lootOf(theft, victim)
  const { reads, apps, passkeys } = loot
  const means: Means = { addresses: victim.addresses, reads, apps: [...apps], passkeys }
  const set: SetPassword[] = []
  const newPassword = (way: Way) => `${way} by a thief, number ${set.length}`
  let actor = createActor(rekey, victim, means)

  const thief = {
    victim,
    loot,
    get actor() {
      return actor
    },
    /** Every new password that was set. */
    set: set as readonly SetPassword[],
    /** From now on the thief guesses the codes that they do not read. */
    begin(guess: Guess) {
      actor = createActor(rekey, victim, { ...means, guess })
    },

    /** Sets a new password. @returns whether it was set */
    async setBy(way: Way, work: (password: string) => Promise<boolean>): Promise<boolean> {
      const password = newPassword(way)
      const done = await work(password)
      if (done) set.push({ password, way })
      return done
    },

    /** As one member of staff. */
    act: (method: string, path: string, body?: object) =>
      sendAs(rekey, 'backend_fin', method, `clients/${victim.id}${path}`, body),

    /** Sessions of the customer: a stolen one, and one by the stolen password. */
    async sessions(): Promise<string[]> {
      const tokens = [loot.session, loot.password === undefined ? undefined : await actor.signIn(loot.password)]
      return tokens.filter((token) => token !== undefined)
    },

    /** Signs in with the passwords that were set, the last first. @returns the way of the one that gets in */
    async getIn(): Promise<Way | undefined> {
      for (const { password, way } of set.toReversed()) {
        if ((await actor.signIn(password)) !== undefined) return way
      }
      return undefined
    },
  }
  return thief
}

export type Thief = ReturnType<typeof createThief>
