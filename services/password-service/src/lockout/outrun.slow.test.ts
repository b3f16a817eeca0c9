import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { askRestore, race, restore, signsIn, verificationBody, wrongCode } from '@rekey/test-support/flows'
import { startLink } from '@rekey/test-support/link'
import { startRekey } from '@rekey/test-support/rekey'
import pg from 'pg'
import t, { type Test } from 'tap'

// Wrong codes at several addresses of one person, and then the right one at another: the gateway counts for each address,
// so that only the password-service can refuse the restore. It must, however late it hears of the wrong codes.

const link = await startLink()
t.teardown(() => link.close())
const rekey = await startRekey(t, { brokerLink: { of: 'password-service', link } })
const { http } = rekey
const rounds = 3
const newPassword = 'another password'

const verify = (mfaToken: unknown, code: string) =>
  http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code))

/** A person with four addresses, and an open restore at each. */
const openRestores = async () => {
  const customer = await createCustomer(rekey.postgres.url)
  const more = [`b${customer.email}`, `c${customer.email}`]
  await sql(
    rekey.postgres.url,
    `INSERT INTO identifier (customer_id, kind, value, verified_at) SELECT $1, 'email', unnest($2::text[]), now()`,
    [customer.id, more],
  )
  const addresses = [customer.email, customer.phone, ...more]
  const restores = []
  for (const address of addresses) {
    const { answer, confirmation } = await askRestore(rekey, address)
    restores.push({ mfaToken: answer.body.mfa_token, confirmation })
  }
  return { customer, restores }
}

type Restores = Awaited<ReturnType<typeof openRestores>>['restores']

/** Wrong codes at all restores but the last, as many in all; every answer has come back. */
const guess = (restores: Restores, count: number) =>
  race(count, async (index) => {
    const { mfaToken, confirmation } = restores[index % (restores.length - 1)] as Restores[number]
    return (await verify(mfaToken, wrongCode(confirmation))).status
  })

const restoreOverLast = async (restores: Restores) => {
  const { mfaToken, confirmation } = restores.at(-1) as Restores[number]
  const { body } = await verify(mfaToken, confirmation)
  return String(body.sign_token)
}

/** Tries the grant until it is accepted or refused for good. @returns every status */
const finish = async (grant: string): Promise<number[]> => {
  const statuses: number[] = []
  await eventually(
    async () => {
      const { status } = await restore(rekey, grant, newPassword)
      statuses.push(status)
      return status !== 503
    },
    { what: 'an answer other than 503' },
  )
  return statuses
}

/** Holds the customer's row, so that nothing can be counted for the customer. */
const holdCounting = async (t: Test, customerId: number) => {
  const holder = new pg.Client({ connectionString: rekey.postgres.url })
  await holder.connect()
  t.teardown(() => holder.end())
  await holder.query('BEGIN')
  await holder.query('SELECT 1 FROM customer WHERE id = $1 FOR UPDATE', [customerId])
  return () => holder.query('COMMIT')
}

const delays = {
  'at its usual pace': async () => () => {},
  'behind a slow link to the broker': async () => {
    link.delay(150)
    return () => link.heal()
  },
  'while nothing can be counted for the person': async (t: Test, customerId: number) => {
    const release = await holdCounting(t, customerId)
    return () => release()
  },
}

for (const [pace, delayCounting] of Object.entries(delays)) {
  t.test(`S42: ten wrong codes over three addresses refuse the right one of a fourth, counted ${pace}`, async (t) => {
    for (let round = 0; round < rounds; round += 1) {
      const { customer, restores } = await openRestores()
      const release = await delayCounting(t, customer.id)
      t.same(await guess(restores, 10), Array(10).fill(400))
      const grant = await restoreOverLast(restores)
      const first = await restore(rekey, grant, newPassword)
      t.ok([403, 503].includes(first.status), `at once: ${first.status}`)
      if (first.status === 503) t.ok(first.headers.get('retry-after'), 'with Retry-After')
      await release()
      t.equal((await finish(grant)).at(-1), 403)
      t.notOk(await signsIn(rekey, customer, newPassword))
    }
  })
}

t.test('S42: nine wrong codes over three addresses leave the restore open, counted at any pace', async (t) => {
  for (const delayCounting of Object.values(delays)) {
    const { customer, restores } = await openRestores()
    const release = await delayCounting(t, customer.id)
    t.same(await guess(restores, 9), Array(9).fill(400))
    const grant = await restoreOverLast(restores)
    const first = restore(rekey, grant, newPassword)
    await release()
    const { status } = await first
    t.equal(status === 503 ? (await finish(grant)).at(-1) : status, 204)
    t.ok(await signsIn(rekey, customer, newPassword))
  }
})
