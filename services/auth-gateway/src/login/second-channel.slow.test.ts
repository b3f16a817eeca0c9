import { challengeType, parseUsername } from '@rekey/contracts'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askRestore,
  codesOf,
  login,
  messageAfter,
  reset,
  restore,
  restoreGrant,
  signIn,
  state,
  verificationBody,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t, { type Test } from 'tap'

const rekey = await startRekey(t)
const { http } = rekey
const hourMs = 3_600_000
const newPassword = 'another password'

type Channel = 'email' | 'phone'
const channels: readonly Channel[] = ['email', 'phone']
const persons: readonly (readonly Channel[])[] = [['email'], ['phone'], ['email', 'phone']]
/** Every person, with each channel that the restore of that person may use. */
const cases = persons.flatMap((person) => person.map((used) => ({ person, used })))

const deviceOf = (address: string) => challengeType(parseUsername(address))

const createPerson = async (person: readonly Channel[]) => {
  const customer = await createCustomer(rekey.postgres.url)
  const lost = channels.filter((channel) => !person.includes(channel))
  await sql(rekey.postgres.url, 'DELETE FROM identifier WHERE customer_id = $1 AND kind = ANY($2::identifier_kind[])', [
    customer.id,
    lost,
  ])
  return customer
}

const grantOver = async (username: string, responseType: 'sign_token' | 'access_token') => {
  const { answer, confirmation } = await askRestore(rekey, username)
  const body = verificationBody(answer.body.mfa_token, confirmation, { response_type: responseType })
  return String((await http.post('/oauth/v2/passwordRestoreVerification', body)).body[responseType])
}

const temporaryPasswordAt = async (address: string): Promise<string | undefined> => {
  const texts = (await rekey.inbox.messagesTo(address)).map(({ Text }) => Text)
  return texts.map((text) => /^Temporary password: (\S+)$/m.exec(text)?.[1]).find((found) => found !== undefined)
}

const choose = (mfaToken: unknown, device: string) =>
  http.post('/oauth/v2/challenge', {
    challenge_type: device,
    client_timezone: '-3',
    mfa_token: mfaToken as string,
    response_type: 'code',
    state,
  })

/** Signs in as each username, and expects that these addresses alone are offered, take a code, and sign in. */
const assertOffered = async (
  t: Test,
  {
    usernames,
    addresses,
    password,
    offered,
  }: Record<'usernames' | 'addresses' | 'offered', string[]> & { password: string },
) => {
  for (const username of usernames) {
    const asked = await login(rekey, { email: username, password })
    t.same(asked.body.challenge_type, offered.map(deviceOf), `A4 as ${username}`)
    for (const address of addresses.filter((address) => !offered.includes(address))) {
      t.match(await choose(asked.body.mfa_token, deviceOf(address)), {
        status: 400,
        body: { error: 'invalid_request' },
      })
    }
    for (const address of offered) {
      const { body } = await login(rekey, { email: username, password })
      const { answer, confirmation } = await messageAfter(rekey, address, () =>
        choose(body.mfa_token, deviceOf(address)),
      )
      const token = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation }
      t.equal((await http.post('/oauth/v2/token', token)).status, 200, `A5 over ${deviceOf(address)}`)
    }
  }
}

for (const { person, used } of cases) {
  const title = `S44: a person with ${person.join(' and ')} who restored over ${used} signs in over`
  t.test(`${title} the other channel while the hold lasts, if there is one; over any afterwards`, async (t) => {
    const customer = await createPerson(person)
    const addresses = person.map((channel) => customer[channel])
    const other = person.filter((channel) => channel !== used).map((channel) => customer[channel])
    const offered = other.length > 0 ? other : addresses

    const opened = await login(rekey, { email: customer[used], password: customer.password })
    t.same(opened.body.challenge_type, addresses.map(deviceOf), 'before the restore: every address')
    const seen = (await rekey.inbox.messagesTo(customer[used])).length
    t.equal((await restore(rekey, await grantOver(customer[used], 'sign_token'), newPassword)).status, 204)

    // A sign-in that was opened with the old password: at best a code goes out, and its answer signs nobody in.
    await choose(opened.body.mfa_token, deviceOf(customer[used]))
    await assertOffered(t, { usernames: addresses, addresses, password: newPassword, offered })
    for (const message of (await rekey.inbox.messagesTo(customer[used])).slice(seen)) {
      const { confirmation: code } = codesOf(message)
      if (code === '') continue
      const token = await http.post('/oauth/v2/token', {
        grant_type: 'mfa_oob',
        mfa_token: opened.body.mfa_token,
        code,
      })
      t.equal(token.status, 400, 'a sign-in from before the restore is over')
    }

    rekey.clock.advance(24 * hourMs)
    await assertOffered(t, { usernames: addresses, addresses, password: newPassword, offered: addresses })
  })

  t.test(`S44: for a person with ${person.join(' and ')} a temporary password asked for over ${used}`, async (t) => {
    const customer = await createPerson(person)
    const addresses = person.map((channel) => customer[channel])
    const otherChannel = person.find((channel) => channel !== used) ?? used
    t.equal((await reset(rekey, await grantOver(customer[used], 'access_token'))).status, 200)
    const password = await eventually(() => temporaryPasswordAt(customer[otherChannel]), { what: 'the message' })
    const rest = addresses.filter((address) => address !== customer[otherChannel])
    for (const address of rest) t.equal(await temporaryPasswordAt(address), undefined, 'it went to no other address')
    const { body } = await login(rekey, { email: customer[used], password })
    t.same(
      body.challenge_type,
      (rest.length > 0 ? rest : addresses).map(deviceOf),
      'the code takes the other way again',
    )
  })
}

t.test('S44: without an SMS vendor a phone number is no other channel', async (t) => {
  const mailOnly = await startRekey(t, { env: { REKEY_SMS_CODES: 'false' } })
  const customer = await createCustomer(mailOnly.postgres.url)
  const restored = { ...customer, password: newPassword }
  t.equal((await restore(mailOnly, await restoreGrant(mailOnly, customer), newPassword)).status, 204)
  t.ok(await signIn(mailOnly, restored), 'by mail')
  t.equal((await reset(mailOnly, await restoreGrant(mailOnly, customer, 'access_token'))).status, 200)
  await eventually(
    async () =>
      (await mailOnly.inbox.messagesTo(customer.email)).some(({ Text }) => /^Temporary password: /m.test(Text)),
    { what: 'the temporary password by mail' },
  )
})
