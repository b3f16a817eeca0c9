import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { addressOf, codesOf, messageAfter, state } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

// One customer goes through all steps of each published contract, by HTTP and mail only.
const rekey = await startRekey(t)
const { http } = rekey

const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` })

/** Fields of every request of the bank's contract. */
const bank = {
  response_type: 'code',
  client_id: 'ib_localhost',
  redirect_uri: 'http://localhost',
  state,
  ip: '::1',
  client_timezone: '-3',
  source_system: 'IB',
}

t.test(
  'the bank’s contract: a customer signs in, restores, resets and changes the password, and reads the history',
  async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    const { email, password: first } = customer

    /** Sends a request, and returns the code of its message. */
    const codeOf = async (path: string, body: object, to = email) => {
      const { answer, confirmation } = await messageAfter(rekey, to, () => http.post(path, body))
      t.match(answer.body, { error: 'mfa_code_required', state })
      return { mfa_token: answer.body.mfa_token, code: confirmation }
    }
    const signIn = async (password: string) => {
      const login = { ...bank, scope: 'CUSTOMER:FULL', username: email, password }
      const { body } = await http.post<{ challenge_type: string[]; mfa_token: string }>('/oauth/v2/login', login)
      t.match(body, { error: 'mfa_required', binding_method: 'prompt', state })
      const { challenge_type: devices, mfa_token } = body
      const chosen = { challenge_type: devices[0], client_timezone: '-3', mfa_token, response_type: 'code', state }
      const code = await codeOf('/oauth/v2/challenge', chosen, addressOf(devices[0], customer))
      return (await http.post('/oauth/v2/token', { grant_type: 'mfa_oob', ...code, state })).body
    }
    const restored = async (responseType: string) => {
      const request = { ...bank, scope: 'CUSTOMER:PASSWORD:RESTORE', username: email }
      const code = await codeOf('/oauth/v2/passwordRestore', request)
      const verification = { ...code, grant_type: 'mfa_oob', response_type: responseType, scope: request.scope, state }
      return (await http.post('/oauth/v2/passwordRestoreVerification', verification)).body
    }
    const reset = (token: unknown, other: object) => {
      const { client_timezone, ip, source_system } = bank
      const body = { client_timezone, ip, response_type: 'access_token', source_system, ...other }
      return http.post('/oauth/v2/passwordRestoreReset', body, bearer(token))
    }
    const history = async (token: unknown) =>
      (await http.get<{ data: { operation: string }[] }>('/api/v2/my/password/changes', bearer(token))).body.data

    const before = await signIn(first)
    t.same(await history(before.access_token), [])

    const chosen = await reset((await restored('access_token')).access_token, { password: 'The second password' })
    t.equal(chosen.status, 200)
    await eventually(
      async () => (await http.get('/api/v2/my/password/changes', bearer(before.access_token))).status === 401,
      { what: 'the old session to end' },
    )
    const refreshed = { grant_type: 'refresh_token', refresh_token: before.refresh_token, client_id: 'ib_localhost' }
    await eventually(async () => (await http.post('/oauth/v2/token', refreshed)).status === 400, {
      what: 'the old refresh token to be refused',
    })

    const again = await signIn('The second password')
    t.same(
      (await history(again.access_token)).map(({ operation }) => operation),
      ['restore'],
    )

    t.same((await reset((await restored('access_token')).access_token, {})).body, {})
    const temporary = await eventually(
      async () => {
        const texts = (await rekey.inbox.messagesTo(customer.phone)).map(({ Text }) => Text)
        return texts.map((text) => /^Temporary password: (\S+)$/m.exec(text)?.[1]).find(Boolean)
      },
      { what: 'the temporary password' },
    )
    const narrowed = await signIn(String(temporary))
    t.equal(narrowed.scope, 'CUSTOMER:PASSWORD:CHANGE')
    const challenge = await messageAfter(rekey, email, () =>
      http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', bearer(narrowed.access_token)),
    )
    const { body: verified } = await http.post('/api/v2/my/2fa/challenge', {
      token: challenge.answer.body.token,
      code: challenge.confirmation,
    })
    const headers = { ...bearer(narrowed.access_token), successToken: verified.successToken }
    t.equal((await http.post('/api/v2/my/password/change', { password: 'The third password' }, headers)).status, 204)

    const last = await signIn('The third password')
    t.match(await history(last.access_token), [
      { type: 'restored', operation: 'change' },
      { type: 'restored', operation: 'reset' },
      { type: 'restored', operation: 'restore' },
    ])
  },
)

t.test(
  'the broker’s contract: a customer changes and restores the password, the back office sets it, the history lists all',
  async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    const { id, email, password: first } = customer

    /** Runs the two-factor procedure up to the success token. */
    const successToken = async (path: string, headers: object = {}) => {
      const { answer, confirmation } = await messageAfter(rekey, email, () => http.get(path, headers as never))
      t.match(answer.body, { provider: 'email' })
      const { body } = await http.post('/api/v2/my/2fa/challenge', { token: answer.body.token, code: confirmation })
      return body.successToken
    }
    const signIn = async (password: string) => {
      const login = await http.post<{ challenge_type: string[]; mfa_token: string }>('/oauth/v2/login', {
        ...bank,
        scope: 'CUSTOMER:FULL',
        username: email,
        password,
      })
      const [device] = login.body.challenge_type
      const { message, answer } = await messageAfter(rekey, addressOf(device, customer), () =>
        http.post('/oauth/v2/challenge', {
          challenge_type: device,
          client_timezone: '-3',
          mfa_token: login.body.mfa_token,
          response_type: 'code',
          state,
        }),
      )
      const body = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: codesOf(message).confirmation }
      return (await http.post('/oauth/v2/token', body)).body.access_token
    }
    const list = '/api/v2/my/password/changes?limit=10&offset=0&sort_order=desc&sort_by=createTime'

    const token = await signIn(first)
    const forChange = await successToken('/api/v2/my/2fa/challenge?businessProcess=changePassword', bearer(token))
    const headers = { ...bearer(token), successToken: forChange }
    t.equal((await http.post('/api/v2/my/password/change', { password: 'Qwerty123' }, headers)).status, 204)
    t.equal((await http.get(list, bearer(token))).status, 200, 'the session that changed the password stays active')

    const path = '/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword'
    const forRestore = await successToken(`${path}&email=${encodeURIComponent(email)}`)
    const body = { password: 'Qwerty1234' }
    t.equal((await http.post('/api/v2/my/password/restore', body, { successToken: forRestore })).status, 204)
    t.equal((await http.get(list, bearer(token))).status, 401, 'a restore ends the session')

    const { body: staff } = await http.post('/oauth/v2/token', {
      grant_type: 'client_credentials',
      client_id: 'backend_fin',
      client_secret: 'secretkey',
    })
    const set = JSON.stringify({ password: 'Set by staff', send_mail: false })
    const staffHeaders = { ...bearer(staff.access_token), 'content-type': 'application/json' }
    t.equal((await http.send('PUT', `/api/v2/clients/${id}/password`, staffHeaders, set)).status, 204)

    const temporary = await signIn('Set by staff')
    const ofOwn = await successToken('/api/v2/my/2fa/challenge?businessProcess=changePassword', bearer(temporary))
    const own = { ...bearer(temporary), successToken: ofOwn }
    t.equal((await http.post('/api/v2/my/password/change', { password: 'Qwerty12345' }, own)).status, 204)

    const last = await signIn('Qwerty12345')
    const changes = await http.get<{ data: { id: number }[] }>(list, bearer(last))
    t.match(changes.body, {
      total: 4,
      data: [
        { type: 'restored', operation: 'change' },
        { type: 'changed', operation: 'set' },
        { type: 'restored', operation: 'restore' },
        { type: 'restored', operation: 'change' },
      ],
    })
    const [newest] = changes.body.data
    t.same((await http.get(`/api/v2/my/password/changes/${newest?.id}`, bearer(last))).body, newest)
    const forStaff = await http.get(`/api/v2/clients/${id}/password/changes`, bearer(staff.access_token))
    t.match(forStaff.body, changes.body)
    t.match(forStaff.body, { data: [{}, { actorId: 'backend_fin' }, {}, {}] })

    await eventually(
      async () => {
        const subjects = (await rekey.inbox.messagesTo(email)).map(({ Subject }) => Subject)
        return subjects.filter((subject) => /password/i.test(subject) && !/code/i.test(subject)).length === 4
      },
      { what: 'a notification of each of the four changes' },
    )
  },
)
