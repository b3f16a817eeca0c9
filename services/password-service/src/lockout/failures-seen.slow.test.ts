import { ChallengeFailed, durableName } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { startPasswordService } from '@rekey/test-support/password-service'
import fc from 'fast-check'
import t from 'tap'
import { createGuesses, mostAttempts } from './failed-attempts.fixture.ts'

const service = await startPasswordService(t)
const { guess, guessAll, answerRight, failuresOf, restore, everythingHandled } = createGuesses(service)
const lockedOutFrom = 10

/** The wrong codes of one challenge; `isKnown`: its request was handled before them. */
const challenge = fc.record({ failures: fc.integer({ min: 1, max: mostAttempts }), isKnown: fc.boolean() })

/** Repeats a restore while the service does not know all wrong codes yet. */
const finish = async (challengeId: string): Promise<number> => {
  for (;;) {
    const { status } = await restore(challengeId)
    if (status !== 503) return status
  }
}

t.test('S42: a restore is judged by every wrong code that the broker stored before it, at any challenge', async (t) => {
  await everythingHandled()
  await fc.assert(
    fc.asyncProperty(fc.array(challenge, { minLength: 1, maxLength: 4 }), async (challenges) => {
      const customer = await service.customer()
      const right = await service.restoreOf(customer.id)
      await Promise.all(
        challenges.map(async ({ failures, isKnown }) => {
          const challengeId = isKnown ? await service.restoreOf(customer.id) : systemRandom.id()
          const username = await service.sealUsername(challengeId, customer.addresses[0] ?? '')
          for (let attempt = 1; attempt <= failures; attempt += 1) await guess(challengeId, attempt, { username })
        }),
      )
      const count = challenges.reduce((sum, { failures }) => sum + failures, 0)
      t.equal(await finish(right), count < lockedOutFrom ? 204 : 403, `${count} wrong codes`)
    }),
    {
      numRuns: 20,
      examples: [4, 5].map((failures) => [
        [
          { failures: 5, isKnown: false },
          { failures, isKnown: false },
        ],
      ]),
    },
  )
})

t.test(
  'S42: wrong codes that a stalled instance has in hand are counted, and keep nobody from restoring',
  async (t) => {
    await everythingHandled()
    const stalled = await service.startProcess(1)
    const jsm = await (await service.broker.connected()).jetstreamManager()
    const inHand = async () =>
      (await jsm.consumers.info('AUTH', durableName('password-service', ChallengeFailed.type))).num_ack_pending
    stalled.pause()
    t.teardown(() => stalled.resume())
    const thief = await service.customer()
    const right = await service.restoreOf(thief.id)
    const challenges = [await service.restoreOf(thief.id), await service.restoreOf(thief.id)]
    // Each instance asks for messages in turn: some go to the stalled one.
    for (const challengeId of challenges) await guessAll(challengeId)
    const other = await service.restoreOf((await service.customer()).id)
    t.equal(await finish(other), 204)
    t.ok((await inHand()) > 0, 'the stalled instance still has some')
    t.equal(await finish(right), 403, 'ten wrong codes are counted')
  },
)

t.test('S42: a right code whose event overtakes those of the wrong ones before it resets none of them', async (t) => {
  const customer = await service.customer()
  const [first, second, right] = [
    await service.restoreOf(customer.id),
    await service.restoreOf(customer.id),
    await service.restoreOf(customer.id),
  ]
  await Promise.all([guessAll(first), guessAll(second)])
  await answerRight(right)
  await everythingHandled()
  t.equal((await failuresOf(customer)).length, lockedOutFrom)
  t.equal(await finish(right), 403)
})

t.test('a wrong code with a username that cannot be opened counts once its request is handled', async (t) => {
  const customer = await service.customer()
  const challengeId = await service.restoreOf(customer.id)
  await guess(challengeId, 1, { username: await service.sealUsername('another challenge', 'nobody@example.com') })
  await everythingHandled()
  t.equal((await failuresOf(customer)).length, 1)
})
