import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askRestore,
  backOfficeToken,
  race,
  restore,
  restoreBody,
  restoreGrant,
  signIn,
  verificationBody,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

const rekey = await startRekey(t)
const { http, inbox } = rekey

/** Five wrong codes for a new challenge: the gateway allows each address twice as many. */
const failAt = async (username: string) => {
  const { body } = await http.post('/oauth/v2/passwordRestore', restoreBody(username))
  await race(5, () => http.post('/oauth/v2/passwordRestoreVerification', verificationBody(body.mfa_token, '0000001')))
}

const notSent = () =>
  rekey.logs
    .map((line) => JSON.parse(line))
    .filter(({ event, reason }) => event === 'code_not_sent' && reason === 'lockout')

t.test(
  "S6: wrong codes at two addresses of a customer lock the customer's restore; the back office lifts it",
  async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    await Promise.all([failAt(customer.email), failAt(customer.phone)])
    for (const address of [customer.email, customer.phone]) {
      await eventually(
        async () =>
          (await inbox.messagesTo(address)).some(({ Text }) => /resetting your password is blocked/i.test(Text)),
        { what: `a notification to ${address}` },
      )
    }
    // The codes above may be decided after the lockout began.
    const earlier = notSent().length
    const asked = await http.post('/oauth/v2/passwordRestore', restoreBody(customer.email))
    t.equal(asked.status, 200, 'the answer does not show the lockout')
    await eventually(() => notSent().length > earlier, { what: 'the code not to be sent' })
    t.ok(await signIn(rekey, customer))

    const authorization = `Bearer ${await backOfficeToken(rekey)}`
    const lifted = await http.send('DELETE', `/api/v2/clients/${customer.id}/block`, { authorization })
    t.equal(lifted.status, 204)
    t.equal((await restore(rekey, await restoreGrant(rekey, customer), 'Another-1')).status, 204)
    t.ok((await askRestore(rekey, customer.email)).confirmation)
  },
)
