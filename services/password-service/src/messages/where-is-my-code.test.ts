import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { asBearer, askLogin, askRestore, backOfficeToken, restoreBody } from '@rekey/test-support/flows'
import { patiently } from '@rekey/test-support/patiently'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

// The help desk's question, through all services.

const rekey = await startRekey(t, { env: { REKEY_LIMIT_CODE_ACCOUNT: '3/1h' } })
const { http, postgres } = rekey
const staff = asBearer(await backOfficeToken(rekey))

interface Listed {
  total: number
  data: { purpose: string; status: string; reason?: string; attempts: number; channel: string }[]
}
const messagesOf = async ({ id }: { id: number }) =>
  (await patiently(() => http.get<Listed>(`/api/v2/clients/${id}/messages?limit=50`, staff))).body

/** Waits until the messages of a customer, newest first, have these purposes and statuses. */
const become = (customer: { id: number }, wanted: string[]) =>
  eventually(
    async () => {
      const { data } = await messagesOf(customer)
      const shown = data.map(({ purpose, status, reason = '' }) =>
        [purpose, status, status === 'suppressed' ? reason : ''].join(' ').trim(),
      )
      return shown.join(', ') === wanted.join(', ') ? data : undefined
    },
    { what: wanted.join(', ') },
  )

const ask = (username: string) => patiently(() => http.post('/oauth/v2/passwordRestore', restoreBody(username)))

t.test('B13: each code is listed with what became of it, also while the notifier is down', async (t) => {
  const customer = await createCustomer(postgres.url)
  await askRestore(rekey, customer.email)
  await become(customer, ['restore handed_over'])
  await askLogin(rekey, customer)
  await become(customer, ['login handed_over', 'restore handed_over'])

  await rekey.stop('notifier')
  t.equal((await ask(customer.email)).status, 200)
  await become(customer, ['restore waiting', 'login handed_over', 'restore handed_over'])
  await rekey.restart({ REKEY_LIMIT_CODE_ACCOUNT: '3/1h' })
  await become(customer, ['restore handed_over', 'login handed_over', 'restore handed_over'])
})

t.test(
  'B13: what the gateway suppressed is listed for a known customer, and answered like any other request',
  async (t) => {
    const customer = await createCustomer(postgres.url)
    const unknown = `nobody-${Date.now()}@example.com`
    for (const username of [customer.email, unknown]) {
      const answers = []
      for (let count = 0; count < 4; count += 1) answers.push(await ask(username))
      t.same(new Set(answers.map(({ status, body }) => `${status} ${Object.keys(body)}`)).size, 1, 'S11')
    }
    const data = await become(customer, [
      'restore suppressed account_limit',
      'restore handed_over',
      'restore handed_over',
      'restore handed_over',
    ])
    t.equal(data[0]?.attempts, 0)
  },
)
