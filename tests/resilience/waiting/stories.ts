import { loginBody, race } from '@rekey/test-support/flows'
import { titleOf } from '@rekey/test-support/visitor'
import { catalogues } from '@rekey/texts'
import type { Objection, WaitingStory } from '../client-log.ts'
import { type Deps, JourneyAbandoned, oneIn, type Steps, wayRequest } from '../journey-steps.ts'
import { type ProofSteps, restoreRequest } from '../proof-steps.ts'
import type { FactorJourneys } from '../second-factors/journeys.ts'
import type { Enrolled } from '../second-factors/people.ts'
import { ages, type PassingTime } from './passing-time.ts'

/** How a customer's waiting restore goes on. The last two let two ends race. */
export const plots = [
  'link',
  'completion',
  'sign-in',
  'expiry',
  'link or completion',
  'left waiting',
  'sign-in or completion',
] as const
export type Plot = (typeof plots)[number]

const linkPatienceMs = 30_000
const link = /\/v\/([\w-]{22})/

/** Reads from the title of a veto's page how the restore ended. */
const saidOf = (text: string): Objection['said'] => {
  const title = titleOf({ text })
  return (['vetoed', 'completed', 'over'] as const).find((said) => catalogues.pages.en[`veto.${said}.title`] === title)
}

/** Waits for both also if one fails: no request is on its way when the load has stopped. */
const both = async (...works: Promise<unknown>[]) => {
  await Promise.allSettled(works)
  await Promise.all(works)
}

interface Parts {
  steps: Steps
  proofSteps: ProofSteps
  factors: FactorJourneys
  time: PassingTime
}

/** Restores with one proof of two, which wait and come to an end. Each customer has one. */
export const createStories = (
  { client, mailbox, clientLog, stopped }: Deps,
  { steps, proofSteps, factors, time }: Parts,
) => {
  /** A1, A2, B2 with one proof, and A4b with "unavailable"; at random twice at once. */
  const open = async (person: Enrolled): Promise<WaitingStory> => {
    const { customer } = person
    const { grant, token } = await proofSteps.proveAddress(person, customer.email)
    const mfaToken = await factors.askSecondProof(grant, token)
    const story: WaitingStory = { customer, isOpen: false, objections: [], completions: [] }
    clientLog.stories.push(story)
    const request = { step: 'A4b unavailable', ...wayRequest(mfaToken, 'unavailable') }
    const replies = await race(oneIn(4) ? 2 : 1, () => client.callUntilAnswered(request))
    story.isOpen = replies.some(({ body }) => body.error === 'restore_waiting')
    if (!story.isOpen) throw new JourneyAbandoned(`A4b unavailable: ${replies[0]?.status}`)
    return story
  }

  /** Presses the button behind the link of a notification. */
  const press = async (story: WaitingStory) => {
    const { email } = story.customer
    const message = await mailbox.waitFor(email, ({ Text }) => link.test(Text), {
      timeoutMs: linkPatienceMs,
      signal: stopped,
    })
    const token = link.exec(message?.Text ?? '')?.[1]
    if (token === undefined) throw new JourneyAbandoned('no notification in time')
    await client.callUntilAnswered({ step: 'veto link', method: 'GET', path: `/v/${token}` })
    await client.callUntilAnswered(
      { step: 'veto', path: '/restore-veto', form: { token } },
      {
        onReply: ({ text, startedAt, endedAt, status }) =>
          void story.objections.push({ by: 'link', startedAt, endedAt, status, said: saidOf(text) }),
      },
    )
  }

  /** Signs in with the app; the requests are those of a sign-in that may meet a new password. */
  const signIn = async (story: WaitingStory, person: Enrolled) => {
    const { status, body } = await client.callUntilAnswered({
      step: 'A4 sign in while a restore waits',
      path: '/oauth/v2/login',
      body: loginBody({ email: person.customer.email, password: person.customer.password }),
    })
    if (status !== 200) throw new JourneyAbandoned(`A4: ${status}`)
    await factors.complete(person, body.mfa_token, ({ startedAt, endedAt, status }) => {
      story.objections.push({ by: 'sign_in', startedAt, endedAt, status })
    })
  }

  /** A1, A2: the grant for the end of the wait. */
  const proveAgain = async (story: WaitingStory, person: Enrolled) => {
    const { grant, token } = await proofSteps.proveAddress(person, person.customer.email)
    grant.isOneOfTwo = true
    return () => {
      story.completions.push(grant)
      return steps.attempt(grant, 'B2 restore, after the wait', restoreRequest(token))
    }
  }

  /** Lets the restore of a person become so old, with the notices on the way. */
  const age = async ({ customer: { id } }: Enrolled, to: 'half' | 'last' | 'ready') => {
    await time.reach(id, ages.half)
    await time.untilTold(id, 2)
    if (to === 'half') return
    await time.reach(id, ages.last)
    await time.untilTold(id, 3)
    if (to === 'ready') await time.reach(id, ages.ready)
  }

  const ageAtRandom = async (person: Enrolled) => {
    const to = ([undefined, 'half', 'last', 'ready'] as const)[Math.floor(Math.random() * 4)]
    if (to) await age(person, to)
  }

  const tellOf: Record<Plot, (story: WaitingStory, person: Enrolled) => Promise<unknown>> = {
    async link(story, person) {
      await ageAtRandom(person)
      await press(story)
    },
    async 'sign-in'(story, person) {
      await ageAtRandom(person)
      await signIn(story, person)
    },
    async completion(story, person) {
      await age(person, 'ready')
      await (await proveAgain(story, person))()
    },
    async 'link or completion'(story, person) {
      await age(person, 'ready')
      const complete = await proveAgain(story, person)
      await both(press(story), complete())
    },
    async 'sign-in or completion'(story, person) {
      await age(person, 'ready')
      const complete = await proveAgain(story, person)
      await both(signIn(story, person), complete())
    },
    async expiry(_story, person) {
      await ageAtRandom(person)
      await time.reach(person.customer.id, ages.expired)
      await time.untilEnded(person.customer.id)
    },
    'left waiting': (_story, person) => ageAtRandom(person),
  }

  return {
    /** Opens a restore and leads it to the end of a plot. @throws JourneyAbandoned */
    async tell(person: Enrolled, plot: Plot): Promise<void> {
      await tellOf[plot](await open(person), person)
    },
  }
}
