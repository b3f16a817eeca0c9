import { createCustomer, type TestCustomer } from '@rekey/testing/customers'
import { eventually } from '@rekey/testing/eventually'
import {
  askChange,
  backOfficeToken,
  race,
  restoreBody,
  signIn,
  verificationBody,
  wrongCode,
} from '@rekey/testing/flows'
import { startRekey } from '@rekey/testing/rekey'
import t from 'tap'

const rekey = await startRekey(t)
const { http, clock } = rekey
const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

const ask = (username: string) => http.post('/oauth/v2/passwordRestore', restoreBody(username))
const verify = (mfaToken: unknown, code: string) =>
  http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code))

/** Five wrong codes each for new challenges of an account. Whether it exists makes no difference. */
const failAt = async (username: string, challenges: number) => {
  for (let count = 0; count < challenges; count += 1) {
    const { mfa_token } = (await ask(username)).body
    // One that cannot be right: a code has six digits.
    await race(5, () => verify(mfa_token, '0000001'))
  }
}

/** Whether a restore of the customer gets as far as a grant. */
const canRestore = async (customer: TestCustomer): Promise<boolean> => {
  const before = (await rekey.inbox.messagesTo(customer.email)).length
  const { body } = await ask(customer.email)
  // What is not sent is only told by the log.
  const sent = await eventually(
    async () => {
      const messages = await rekey.inbox.messagesTo(customer.email)
      const code = messages.slice(0, messages.length - before).find(({ Text }) => Text.includes(String(body.code)))
      if (code) return /^Confirmation code: (\d+)$/m.exec(code.Text)?.[1]
      const dropped = rekey.logs.filter((line) => line.includes('"code_not_sent"'))
      return dropped.length > dropsSeen ? 'none' : undefined
    },
    { what: 'a code, or that there is none' },
  )
  dropsSeen = rekey.logs.filter((line) => line.includes('"code_not_sent"')).length
  return sent !== 'none' && (await verify(body.mfa_token, sent)).status === 200
}
let dropsSeen = 0

t.test('S6 each further ten block for twice as long, a day at most', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  for (const minutes of [10, 20, 40, 80, 160, 320, 640, 1_280, 1_440]) {
    await failAt(customer.email, 2)
    clock.advance((minutes - 1) * minuteMs)
    t.equal(await canRestore(customer), false, `one minute before ${minutes}`)
    clock.advance(minuteMs)
  }
  t.equal(await canRestore(customer), true, 'and the right code forgives all')
  await failAt(customer.email, 2)
  clock.advance(10 * minuteMs)
  t.equal(await canRestore(customer), true, 'so that it begins anew')
})

t.test('S6 after a hundred wrong codes restore is off until the back office lifts it', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  for (let blocks = 0; blocks < 10; blocks += 1) {
    await failAt(customer.email, 2)
    clock.advance(dayMs)
  }
  clock.advance(30 * dayMs)
  t.equal(await canRestore(customer), false)
  const authorization = `Bearer ${await backOfficeToken(rekey)}`
  const lifted = await http.send('DELETE', `/api/v2/clients/${customer.id}/block`, { authorization })
  t.equal(lifted.status, 204)
  await eventually(() => canRestore(customer), { what: 'restore to be back' })
})

t.test('S6 wrong codes of a change block changes, and neither restore nor sign-in', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const accessToken = await signIn(rekey, customer)
  for (let count = 0; count < 2; count += 1) {
    const { answer, confirmation } = await askChange(rekey, customer, accessToken)
    const { token } = answer.body
    await race(5, () => http.post('/api/v2/my/2fa/challenge', { token, code: wrongCode(confirmation) }))
  }
  const blocked = await http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', {
    authorization: `Bearer ${accessToken}`,
  })
  t.match(blocked, { status: 429, body: { code: 'too_many_requests' } })
  t.ok(Number(blocked.headers.get('retry-after')) <= 600)
  t.equal(await canRestore(customer), true)
  t.ok(await signIn(rekey, customer))
})
