import { hash as argon2 } from '@node-rs/argon2'
import { audiences, scopes } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import { patiently } from '@rekey/test-support/patiently'
import t from 'tap'
import { openLoops } from '../loops.fixture.ts'
import { deleteFormerPasswords } from './former-passwords.store.ts'

const kept = 3
const service = await startPasswordService(t, { env: { REKEY_PASSWORD_HISTORY: String(kept) } })
const { http, bearer, grant, query } = service
/** Claims that make a token of a restore both an access token and a grant. */
const accessToken = { aud: [audiences.api, audiences.grant], session_epoch: undefined }
type Customer = Awaited<ReturnType<typeof service.customer>>

const restore = async ({ id }: Customer, password: string, url = service.url) =>
  fetch(`${url}/api/v2/my/password/restore`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', successToken: grant('restore', await service.restoreOf(id)) },
    body: JSON.stringify({ password }),
  })
const change = ({ code }: Customer, body: object) => {
  const headers = { authorization: bearer(code), successToken: grant('change', code) }
  return patiently(() => http.post('/api/v2/my/password/change', body, headers))
}
const set = ({ id }: Customer, password: string, sendMail = false) =>
  http.send(
    'PUT',
    `/api/v2/clients/${id}/password`,
    {
      authorization: bearer('backend_fin', scopes.backOffice, { client_id: 'backend_fin' }),
      'content-type': 'application/json',
    },
    JSON.stringify({ password, send_mail: sendMail }),
  )
const formerHashesOf = async ({ id }: Customer) =>
  (await query<{ hash: string }>('SELECT hash FROM former_password WHERE customer_id = $1 ORDER BY id DESC', [id])).map(
    ({ hash }) => hash,
  )
const hashOf = async ({ id }: Customer) =>
  (await query<{ hash: string }>('SELECT hash FROM credential WHERE customer_id = $1', [id]))[0]?.hash

const passwordOf = (number: number) => `password number ${number}`

t.test('S16 the current password and the last three are refused, an older one is accepted', async (t) => {
  const customer = await service.customer()
  for (let number = 0; number <= kept + 1; number += 1)
    t.equal((await restore(customer, passwordOf(number))).status, 204)
  t.equal((await formerHashesOf(customer)).length, kept, 'older ones are deleted')

  for (let number = kept + 1; number >= 1; number -= 1) {
    const refused = await restore(customer, passwordOf(number))
    t.equal(refused.status, 422, passwordOf(number))
    t.match(await refused.json(), { code: 'password_refused', errors: [{ field: 'password', code: 'reused' }] })
  }
  t.equal((await restore(customer, passwordOf(0))).status, 204, 'an older one')
})

t.test('S16 B1, A3 and B7 refuse a former password, and the grant sets another', async (t) => {
  const customer = await service.customer({ hash: await argon2(passwordOf(0)) })
  t.equal((await restore(customer, passwordOf(1))).status, 204)
  for (const password of [passwordOf(0), passwordOf(1)]) {
    t.match((await change(customer, { password })).body, { errors: [{ code: 'reused' }] })
    t.match((await set(customer, password)).body, { errors: [{ code: 'reused' }] })
    t.match((await set(customer, password, true)).body, { errors: [{ code: 'reused' }] })
  }
  const wrong = await change(customer, { password: passwordOf(0), currentPassword: 'not it' })
  t.equal(wrong.body.code, 'current_password_wrong', 'a wrong current password reveals nothing about former ones')

  const authorization = `Bearer ${grant('restore', await service.restoreOf(customer.id), accessToken)}`
  const body = { client_timezone: '-3', ip: '::1', response_type: 'access_token', source_system: 'IB' }
  const reset = (password: string) =>
    http.post('/oauth/v2/passwordRestoreReset', { ...body, password }, { authorization })
  const refused = await reset(passwordOf(0))
  t.equal(refused.status, 400)
  t.match(refused.body, { error: 'invalid_request', error_description: /must not be one that this account had before/ })
  t.equal((await reset(passwordOf(2))).status, 200)
})

t.test('S16 the former hash is stored unchanged, in the same transaction as the new one', async (t) => {
  const customer = await service.customer({ hash: await argon2(passwordOf(0)) })
  const first = await hashOf(customer)
  await query(`ALTER TABLE password_change ADD CONSTRAINT none CHECK (customer_id <> ${customer.id})`)
  t.equal((await restore(customer, passwordOf(1))).status, 500)
  await query('ALTER TABLE password_change DROP CONSTRAINT none')
  t.same(await formerHashesOf(customer), [], 'nothing was replaced, nothing is stored')
  t.equal((await restore(customer, passwordOf(1))).status, 204)
  t.same(await formerHashesOf(customer), [first])
})

t.test('a temporary password is not stored as a former one, and must be changed', async (t) => {
  const customer = await service.customer({ hash: await argon2(passwordOf(0)) })
  t.equal((await set(customer, 'Temporary-1', true)).status, 204)
  const unchanged = await restore(customer, 'Temporary-1')
  t.match(await unchanged.json(), { errors: [{ code: 'temporary' }] })
  t.equal((await restore(customer, passwordOf(1))).status, 204)
  t.equal((await formerHashesOf(customer)).length, 1, 'only the password before it')
  t.match(await (await restore(customer, passwordOf(0))).json(), { errors: [{ code: 'reused' }] })
  t.equal((await restore(customer, 'Temporary-1')).status, 204)
})

t.test('concurrent changes each store the password that they replace', async (t) => {
  const customer = await service.customer({ hash: await argon2(passwordOf(0)) })
  const answers = await Promise.all([1, 2, 3, 4].map((number) => change(customer, { password: passwordOf(number) })))
  t.same(
    answers.map(({ status }) => status),
    [204, 204, 204, 204],
  )
  t.equal((await formerHashesOf(customer)).length, kept)
})

t.test(
  'without the option former passwords are neither stored nor compared, and stored ones are deleted',
  async (t) => {
    const customer = await service.customer()
    for (const number of [0, 1, 2]) await restore(customer, passwordOf(number))
    t.equal((await formerHashesOf(customer)).length, 2)

    const { url } = await service.startAnother({ REKEY_PASSWORD_HISTORY: '0' })
    t.equal((await restore(customer, passwordOf(0), url)).status, 204)
    t.equal((await formerHashesOf(customer)).length, 2, 'none is added')

    const loops = openLoops(t, service.variables.DATABASE_URL)
    const deleteFormer = (kept: number) => deleteFormerPasswords(loops, kept)(service.clock.now(), 500)
    t.equal(await deleteFormer(kept), 0)
    t.equal((await formerHashesOf(customer)).length, 2)
    await eventually(async () => (await deleteFormer(0)) === 0)
    t.same(await query('SELECT 1 FROM former_password'), [])
  },
)
