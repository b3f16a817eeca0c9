import { lockoutAttempts } from '@rekey/contracts'
import { askRestore, restore, verificationBody, wrongCode } from '@rekey/test-support/flows'
import type { Scene } from './attacks.ts'
import type { Guess } from './proofs.ts'
import type { Thief } from './thief.ts'
import { namesIn } from './victims.ts'

const verification = '/oauth/v2/passwordRestoreVerification'
/** More wrong codes than begin a lockout. A guesser needs half a million on average: this many show if they count. */
const wrongCodes = lockoutAttempts + 2

/**
 * Guesses without any store: two challenges take all the wrong codes that a lockout allows, and a third gets its right
 * code, as if the next guess were right.
 */
export const guessWithinLimits = async (thief: Thief, { rekey }: Scene): Promise<void> => {
  const { victim } = thief
  const ask = () => askRestore(rekey, victim.email)
  const asked = [await ask(), await ask(), await ask()]
  const submit = (mfaToken: unknown, code: string) => rekey.http.post(verification, verificationBody(mfaToken, code))
  for (const { answer, confirmation } of asked.slice(0, 2)) {
    for (let count = 0; count < wrongCodes; count += 1) await submit(answer.body.mfa_token, wrongCode(confirmation))
  }
  const { answer, confirmation } = asked[2] ?? {}
  const { body } = await submit(answer?.body.mfa_token, confirmation ?? '')
  await thief.setBy(
    'guessed',
    async (password) => (await restore(rekey, String(body.sign_token), password)).status === 204,
  )
}

/** Guesses while resetting in Redis all that counts wrong codes. The right code follows, as if the next guess were right. */
export const guessByResets = ({ victim }: Thief, { stores: { redis, recordsOf } }: Scene): Guess => ({
  apps: victim.app ? [victim.app] : [],
  async wrong(token, submit) {
    for (const name of namesIn(token)) if (name) victim.marks.add(name)
    // The first one opens the challenge of a second proof.
    await submit({ code: '000000' })
    const keys = await recordsOf(victim.marks)
    const challenges = keys.filter((key) => key.includes(':challenge:'))
    const counts = keys.filter((key) => key.includes(':budget:'))
    const reset = async () => {
      await Promise.all(counts.map((key) => redis.del(key)))
      for (const key of challenges) if (await redis.hexists(key, 'failures')) await redis.hset(key, 'failures', 0)
    }
    await reset()
    for (let count = 1; count < wrongCodes; count += 1) {
      await submit({ code: String(count).padStart(6, '0') })
      await reset()
    }
  },
})
