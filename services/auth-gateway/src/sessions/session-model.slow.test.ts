import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { asBearer, claimsOf, signInTokens } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createSessionClient } from './sessions.fixture.ts'

const rekey = await startRekey(t)
const { http } = rekey
const { refresh } = createSessionClient(rekey)
type Tokens = Awaited<ReturnType<typeof signInTokens>>

const sidOf = ({ access_token }: Tokens) => String(claimsOf(access_token).sid)
const list = (token: string) =>
  http.get<{ data: { id: string; current: boolean }[] }>('/api/v2/my/sessions', asBearer(token))
const endOne = (token: string, id: string) => http.send('DELETE', `/api/v2/my/sessions/${id}`, asBearer(token))
const endOthers = (token: string) => http.send('DELETE', '/api/v2/my/sessions', asBearer(token))

/** A session of the model, with the tokens of its last refresh. */
interface Modelled {
  id: string
  tokens: Tokens
  isAlive: boolean
}

const isListed = async (t: Test, sessions: Modelled[]) => {
  const alive = sessions.filter(({ isAlive }) => isAlive)
  for (const { id, tokens, isAlive } of sessions) {
    // The password-service's end of all others reaches the gateway by an event.
    await eventually(async () => (await list(tokens.access_token)).status === (isAlive ? 200 : 401), {
      what: `${id} to be ${isAlive ? 'alive' : 'ended'}`,
    })
  }
  for (const { id, tokens } of alive) {
    const { data } = (await list(tokens.access_token)).body
    t.same(data.map((session) => session.id).toSorted(), alive.map((session) => session.id).toSorted())
    t.same(
      data.filter(({ current }) => current).map((session) => session.id),
      [id],
    )
  }
}

t.test('B12: any order of sign-ins, refreshes and ends leaves the sessions of the model', async (t) => {
  const step = fc.record({
    kind: fc.constantFrom('sign in', 'refresh', 'end one', 'end others'),
    by: fc.nat(9),
    of: fc.nat(9),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 9 }), async (steps) => {
      const customer = await createCustomer(rekey.postgres.url)
      const sessions: Modelled[] = []
      const signIn = async () => {
        const tokens = await signInTokens(rekey, customer)
        sessions.push({ id: sidOf(tokens), tokens, isAlive: true })
      }
      await signIn()
      await signIn()
      for (const { kind, by, of } of steps) {
        const actor = sessions[by % sessions.length] as Modelled
        const target = sessions[of % sessions.length] as Modelled
        const token = actor.tokens.access_token
        if (kind === 'sign in') await signIn()
        if (kind === 'refresh') {
          const { status, body } = await refresh(actor.tokens.refresh_token)
          t.equal(status, actor.isAlive ? 200 : 400)
          if (actor.isAlive) actor.tokens = body as unknown as Tokens
        }
        if (kind === 'end one') {
          t.equal((await endOne(token, target.id)).status, actor.isAlive ? 204 : 401)
          if (actor.isAlive) target.isAlive = false
        }
        if (kind === 'end others') {
          t.equal((await endOthers(token)).status, actor.isAlive ? 204 : 401)
          if (actor.isAlive) for (const session of sessions) session.isAlive = session === actor
        }
        await isListed(t, sessions)
      }
    }),
    { numRuns: 3, endOnFailure: true },
  )
})
