import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { backOfficeToken, login, messageAfter, race, state, wrongCode } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

const rekey = await startRekey(t)
const { http } = rekey

t.test('S42: wrong codes of sign-ins with two usernames lock the code of both; the back office lifts it', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const usernames = [customer.email, customer.phone]
  const signInAs = (email: string) => login(rekey, { email, password: customer.password })
  for (const username of usernames) {
    const { body } = await signInAs(username)
    const { answer, confirmation } = await messageAfter(rekey, customer.email, () =>
      http.post('/oauth/v2/challenge', {
        challenge_type: body.challenge_type[0],
        client_timezone: '-3',
        mfa_token: body.mfa_token,
        response_type: 'code',
        state,
      }),
    )
    const token = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: wrongCode(confirmation) }
    await race(5, () => http.post('/oauth/v2/token', token))
  }
  for (const username of usernames) t.equal((await signInAs(username)).status, 429, username)

  const authorization = `Bearer ${await backOfficeToken(rekey)}`
  t.equal((await http.send('DELETE', `/api/v2/clients/${customer.id}/block`, { authorization })).status, 204)
  for (const username of usernames) {
    await eventually(async () => (await signInAs(username)).status === 200, { what: `a sign-in as ${username}` })
  }
})
