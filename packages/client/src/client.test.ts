import { RekeyError, unavailable } from '@rekey/contracts'
import t from 'tap'
import { common, startServer } from './client.fixture.ts'
import { RekeyError as ClientError, createClient } from './index.ts'

t.test('tokens are sent in headers, and the body has only the fields of the contract', async (t) => {
  const { client, last } = await startServer(t)
  await client.changePassword({
    accessToken: 'a',
    successToken: 'st',
    password: 'Qwerty123',
    currentPassword: '111111',
  })
  t.match(last(), { headers: { authorization: 'Bearer a', successtoken: 'st' } })
  t.same(last()?.body, { password: 'Qwerty123', currentPassword: '111111' })

  await client.restorePassword({ successToken: 'st', password: 'Qwerty123' })
  t.notOk(last()?.headers.authorization)
  t.same(last()?.body, { password: 'Qwerty123' })

  await client.setClientPassword({ accessToken: 'a', clientId: 1, password: 'Qwerty123', send_mail: false })
  t.same(last()?.params, { clientId: 1 })
  t.same(last()?.body, { password: 'Qwerty123', send_mail: false })
})

t.test('a plus sign in a phone number survives the query', async (t) => {
  const { client, last } = await startServer(t)
  await client.openUnauthorizedChallenge({ phone: '+447700900001' })
  t.same(last()?.query, { businessProcess: 'restorePassword', phone: '+447700900001' })
})

t.test('a confidential client’s secret is sent by Basic where a URL would contain it', async (t) => {
  const { client, last } = await startServer(t)
  await client.openUnauthorizedChallenge({ email: 'a@example.com', client_id: 'web app', client_secret: 'a: +%' })
  t.same(last()?.query, { businessProcess: 'restorePassword', email: 'a@example.com', client_id: 'web app' })
  t.equal(last()?.headers.authorization, `Basic ${btoa('web%20app:a%3A%20%2B%25')}`)
})

t.test('an error in the OAuth form is thrown with its code, description and body', async (t) => {
  const { client } = await startServer(t, new RekeyError('invalid_grant'))
  const error = await client.requestRestore(common).catch((thrown) => thrown)
  t.ok(error instanceof ClientError)
  t.match(error, {
    status: 400,
    code: 'invalid_grant',
    description: 'The code is wrong, expired, replaced or already used.',
    retryAfterSeconds: undefined,
    body: { error: 'invalid_grant', state: 's' },
  })
})

t.test('an error in the problem form is thrown with its code, description and field errors', async (t) => {
  const { client } = await startServer(t)
  const request = { successToken: 'st', password: '' }
  await t.rejects(client.restorePassword(request), {
    name: 'RekeyError',
    status: 400,
    code: 'invalid_request',
    fields: [{ field: 'password', code: 'too_short' }],
  })
})

t.test('Retry-After of an unavailable service is in the error', async (t) => {
  const { client } = await startServer(t, unavailable(new Error('broker away')))
  await t.rejects(client.requestRestore(common), {
    status: 503,
    code: 'temporarily_unavailable',
    retryAfterSeconds: 2,
  })
  await t.rejects(client.openChallenge({ accessToken: 'a' }), {
    status: 503,
    code: 'unavailable',
    retryAfterSeconds: 2,
  })
})

t.test('an answer that is no JSON, for example a proxy’s page, is thrown as an error', async (t) => {
  const fetch = async () => new Response('<h1>Bad gateway</h1>', { status: 502 })
  const client = createClient({ baseUrl: 'http://127.0.0.1/', fetch })
  await t.rejects(client.requestRestore(common), {
    status: 502,
    code: 'unexpected_answer',
    body: '<h1>Bad gateway</h1>',
  })
})

t.test('a base URL may have a path and a slash at its end', async (t) => {
  const urls: string[] = []
  const fetch = async (url: unknown) => {
    urls.push(String(url))
    return new Response(null, { status: 204 })
  }
  await createClient({ baseUrl: 'http://127.0.0.1/bank/', fetch }).restorePassword({ successToken: 's', password: 'p' })
  t.same(urls, ['http://127.0.0.1/bank/api/v2/my/password/restore'])
})
