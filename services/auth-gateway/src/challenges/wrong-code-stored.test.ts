import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { askRestore, race, restore, verificationBody, wrongCode } from '@rekey/test-support/flows'
import { startLink } from '@rekey/test-support/link'
import { startRekey } from '@rekey/test-support/rekey'
import { connect } from 'nats'
import t from 'tap'

const link = await startLink()
t.teardown(() => link.close())
const rekey = await startRekey(t, { brokerLink: { of: 'auth-gateway', link } })
const { http } = rekey
const nats = await connect({ servers: rekey.nats.url })
t.teardown(() => nats.close())

const verify = (mfaToken: unknown, code: string) =>
  http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code))

const openRestore = async () => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  return { customer, confirmation, mfaToken: answer.body.mfa_token }
}

const storedFailures = async () => {
  const { state } = await (await nats.jetstreamManager()).streams.info('AUTH', { subjects_filter: 'auth.challenge.*' })
  const { 'auth.challenge.failed': failed = 0, 'auth.challenge.locked': locked = 0 } = state.subjects ?? {}
  return failed + locked
}

t.test('S42: the broker has stored a wrong code before its answer leaves', async (t) => {
  const { mfaToken, confirmation } = await openRestore()
  link.delay(50)
  for (let stored = 1; stored <= 5; stored += 1) {
    t.equal((await verify(mfaToken, wrongCode(confirmation))).status, 400)
    t.equal(await storedFailures(), stored)
  }
  link.heal()
})

t.test('S42: while the broker stores no wrong code, the gateway compares none: it answers 503', async (t) => {
  const guessed = await openRestore()
  const other = await openRestore()
  link.stall()
  const wrong = await race(2, () => verify(guessed.mfaToken, wrongCode(guessed.confirmation)))
  for (const { status, headers } of wrong) {
    t.equal(status, 503)
    t.ok(headers.get('retry-after'))
  }
  t.equal((await verify(other.mfaToken, other.confirmation)).status, 503, 'the right code of another is not spent')
  link.heal()

  const right = await eventually(
    async () => {
      const answer = await verify(other.mfaToken, other.confirmation)
      return answer.status === 503 ? undefined : answer
    },
    { what: 'codes to be compared again' },
  )
  t.equal(right.status, 200)
  await eventually(
    async () => {
      const counted = 'SELECT 1 FROM restore_failure WHERE customer_id = $1'
      return (await sql(rekey.postgres.url, counted, [guessed.customer.id])).length === 2
    },
    { what: 'both wrong codes to be counted' },
  )
  t.equal((await restore(rekey, String(right.body.sign_token), 'another password')).status, 204)
})
