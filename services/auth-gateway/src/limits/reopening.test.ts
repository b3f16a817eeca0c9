import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  asBearer,
  askLogin,
  backOfficeToken,
  loginBody,
  reset,
  restore,
  restoreGrant,
  wrongCode,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t, { type Test } from 'tap'

const few = 3
const more = 5
const rekey = await startRekey(t, {
  gatewayEnv: { REKEY_TRUSTED_PROXIES: '127.0.0.1' },
  env: { REKEY_LIMIT_LOGIN_ACCOUNT_ADDRESS: `${few}/1h`, REKEY_LIMIT_LOGIN_ACCOUNT: `${more}/1h` },
})
const { http } = rekey
const newPassword = 'Qwerty-12345'

const a4 = (username: string, password: string, ip: string) =>
  http.post('/oauth/v2/login', loginBody({ email: username, password }), { 'x-forwarded-for': ip })

/** Closes sign-in at this address, and from everywhere. */
const close = async ({ email, phone }: TestCustomer, ip: string) => {
  for (const username of [email, phone]) {
    for (let count = 0; count < few; count += 1) await a4(username, 'a guess', ip)
    for (let count = few; count < more; count += 1) await a4(username, 'a guess', `203.0.113.${count}`)
  }
}

const closed = async (t: Test, { email, phone }: TestCustomer, password: string) => {
  for (const username of [email, phone]) {
    t.equal((await a4(username, password, '192.0.2.1')).status, 429)
    t.equal((await a4(username, password, '192.0.2.2')).status, 429)
  }
}

const open = async (t: Test, { email, phone }: TestCustomer, password: string) => {
  for (const username of [email, phone]) {
    for (const ip of ['192.0.2.1', '192.0.2.2']) {
      await eventually(async () => (await a4(username, password, ip)).status === 200, { what: 'sign-in to open' })
      t.pass(`${username} from ${ip}`)
    }
  }
}

t.test('S49: a restore reopens sign-in that wrong passwords have closed', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  await close(customer, '192.0.2.1')
  await closed(t, customer, customer.password)
  t.equal((await restore(rekey, await restoreGrant(rekey, customer), newPassword)).status, 204)
  await open(t, customer, newPassword)
})

t.test('S49: wrong passwords after a restore close sign-in again', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  await close(customer, '192.0.2.1')
  await restore(rekey, await restoreGrant(rekey, customer), newPassword)
  await open(t, customer, newPassword)
  const statuses = []
  for (let count = 0; count <= few; count += 1) {
    statuses.push((await a4(customer.email, 'a guess', '192.0.2.1')).status)
  }
  t.same(statuses, [...Array(few).fill(400), 429])
})

t.test('S49: a temporary password that the customer asked for reopens sign-in', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const token = await restoreGrant(rekey, customer, 'access_token')
  await close(customer, '192.0.2.1')
  t.equal((await reset(rekey, token)).status, 200)
  await eventually(async () => (await a4(customer.email, 'a guess', '192.0.2.1')).status === 400)
})

t.test('S49: a password that the back office sets, and a lifted block, reopen sign-in', async (t) => {
  const authorization = asBearer(await backOfficeToken(rekey))
  const customer = await createCustomer(rekey.postgres.url)
  await close(customer, '192.0.2.1')
  await closed(t, customer, customer.password)
  const path = `/api/v2/clients/${customer.id}`
  const body = JSON.stringify({ password: newPassword, send_mail: false })
  const set = await http.send('PUT', `${path}/password`, { ...authorization, 'content-type': 'application/json' }, body)
  t.equal(set.status, 204)
  await open(t, customer, newPassword)
  await close(customer, '192.0.2.1')
  t.equal((await http.send('DELETE', `${path}/block`, authorization)).status, 204)
  await open(t, customer, newPassword)
})

t.test('S49: a restore does not end a lockout after wrong codes of sign-in', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  for (let challenges = 0; challenges < 2; challenges += 1) {
    const { answer, confirmation } = await askLogin(rekey, customer)
    const guess = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: wrongCode(confirmation) }
    for (let count = 0; count < 5; count += 1) await http.post('/oauth/v2/token', guess)
  }
  t.equal((await a4(customer.email, customer.password, '192.0.2.1')).status, 429)
  for (let count = 0; count < few; count += 1) await a4(customer.email, 'a guess', '192.0.2.1')
  await restore(rekey, await restoreGrant(rekey, customer), newPassword)
  await eventually(async () => (await a4(customer.email, 'a guess', '192.0.2.1')).status === 400, {
    what: 'the wrong passwords to be forgotten',
  })
  t.equal((await a4(customer.email, newPassword, '192.0.2.1')).status, 429)
})
