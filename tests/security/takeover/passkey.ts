import { type Authenticator, createAuthenticator } from '@rekey/test-support/authenticator'
import { sql, type TestCustomer } from '@rekey/test-support/customers'
import { asBearer, factorsGrant, signIn } from '@rekey/test-support/flows'
import type { Rekey } from '@rekey/test-support/rekey'

type Creation = Parameters<Authenticator['create']>[0]

/** A passkey that nobody has enrolled. */
export const noPasskey = () => createAuthenticator({ origin: 'http://127.0.0.1' })

/** C4: enrols a passkey as the customer, a long time ago. */
export const enrolPasskey = async (rekey: Rekey, customer: TestCustomer): Promise<Authenticator> => {
  const { http, postgres } = rekey
  const accessToken = await signIn(rekey, customer)
  const successToken = await factorsGrant(rekey, customer, accessToken)
  const headers = { ...asBearer(accessToken), successToken }
  const { body } = await http.send<Creation>('POST', '/api/v2/my/factors/passkey/options', headers)
  const passkey = createAuthenticator({ origin: rekey.url })
  const request = { label: 'Phone', credential: passkey.create(body) }
  const { status } = await http.post('/api/v2/my/factors/passkey', request, headers)
  if (status !== 201) throw new Error(`C4 was answered ${status}`)
  const age = "UPDATE factor SET confirmed_at = confirmed_at - interval '30 days' WHERE customer_id = $1"
  await sql(postgres.url, age, [customer.id])
  return passkey
}
