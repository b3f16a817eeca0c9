import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { asBearer, change, changeGrant, reset, restore, restoreGrant, signIn, signsIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { startProvider } from '../../auth-gateway/src/identity-provider.fixture.ts'
import { verifyHistory } from './history/verification.ts'

// Prisma's adapter writes and reads times without a zone. In a connection whose zone is not UTC it reads back what it
// wrote, but SQL comparisons and `pg` (`sql`, `verifyHistory`) would be hours off.

const provider = await startProvider(t)

interface Change {
  createTime: Date
  holdUntil: Date | null
}

const secondsBetween = (one: Date, other: Date) => Math.abs(one.getTime() - other.getTime()) / 1_000

const dayMs = 86_400_000

for (const timezone of ['Asia/Kolkata', 'America/New_York']) {
  t.test(`a database in ${timezone}`, async (t) => {
    const rekey = await startRekey(t, { env: provider.env, databaseSettings: { timezone } })
    const { url } = rekey.postgres
    t.match(await sql(url, 'SHOW timezone'), [{ TimeZone: timezone }])
    const history = (token: string) =>
      rekey.http.get<{ data: { id: number; createTime: string }[] }>('/api/v2/my/password/changes', asBearer(token))
    const changesOf = ({ id }: { id: number }) =>
      sql<Change>(
        url,
        `SELECT create_time AS "createTime", hold_until AS "holdUntil" FROM password_change
         WHERE customer_id = $1 ORDER BY id`,
        [id],
      )

    t.test('a restore by the bank’s API, by the broker’s, and a change have the right times', async (t) => {
      const customer = await createCustomer(url)
      const startedAt = rekey.clock.now()
      const first = await restore(rekey, await restoreGrant(rekey, customer), 'violet kettle 41 marsh')
      t.equal(first.status, 204, first.text)
      const second = await reset(rekey, await restoreGrant(rekey, customer, 'access_token'), {
        password: 'copper lantern 77 fjord',
      })
      t.equal(second.status, 200, second.text)
      const signedIn = { ...customer, password: 'copper lantern 77 fjord' }
      const token = await signIn(rekey, signedIn)
      const third = await change(rekey, token, await changeGrant(rekey, signedIn, token), 'granite 9 willow')
      t.equal(third.status, 204, third.text)
      t.ok(await signsIn(rekey, customer, 'granite 9 willow'))

      const took = secondsBetween(rekey.clock.now(), startedAt)
      const stored = await changesOf(customer)
      t.equal(stored.length, 3)
      for (const { createTime } of stored) t.ok(secondsBetween(createTime, startedAt) <= took, createTime.toISOString())
      const listed = (await history(token)).body.data.map(({ createTime }) => new Date(createTime))
      for (const [index, time] of listed.toReversed().entries()) {
        t.ok(secondsBetween(time, stored[index]?.createTime ?? new Date(0)) < 1, 'the API returns the stored time')
      }
      const [hold] = stored
      t.equal(hold?.holdUntil?.getTime(), (hold?.createTime.getTime() ?? 0) + dayMs)
      const [row] = await sql<{ seconds: number }>(
        url,
        'SELECT extract(epoch FROM hold_until - now())::int AS seconds FROM customer WHERE id = $1',
        [customer.id],
      )
      t.ok(Math.abs((row?.seconds ?? 0) - dayMs / 1_000) <= took + 60, `a hold that lasts ${row?.seconds} s`)
    })

    t.test('a restore request expires at the right time, also by the clock of Postgres', async (t) => {
      const customer = await createCustomer(url)
      await restoreGrant(rekey, customer)
      const left = await eventually(
        async () => {
          const [row] = await sql<{ seconds: number }>(
            url,
            'SELECT extract(epoch FROM expires_at - now())::int AS seconds FROM restore_request WHERE customer_id = $1',
            [customer.id],
          )
          return row
        },
        { what: 'the restore request' },
      )
      t.ok(left.seconds > 0 && left.seconds < 3_600, `${left.seconds} s are left`)
    })

    t.test(
      'S21: tokens of the platform’s identity provider from before the restore are refused, and later ones accepted',
      async (t) => {
        const customer = await createCustomer(url)
        const before = await provider.signIn(customer.code)
        t.equal((await history(before)).status, 200)
        t.equal((await restore(rekey, await restoreGrant(rekey, customer), 'violet kettle 41 marsh')).status, 204)
        t.equal((await history(before)).status, 401, 'a token from before the restore')
        const after = async () => (await history(await provider.signIn(customer.code))).status === 200
        t.ok(await eventually(after, { what: 'a later sign-in to be accepted' }))
      },
    )

    t.test('every record of the history is valid', async (t) => {
      const { records, invalid } = await verifyHistory(url)
      t.same(invalid, undefined)
      t.ok(records >= 4, `${records} records`)
    })
  })
}
