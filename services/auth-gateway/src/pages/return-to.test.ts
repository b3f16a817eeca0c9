import { join } from 'node:path'
import { createCustomer } from '@rekey/test-support/customers'
import { startRekey } from '@rekey/test-support/rekey'
import { createVisitor, titleOf } from '@rekey/test-support/visitor'
import fc from 'fast-check'
import t from 'tap'

const redirects = ['https://bank.example/login', 'https://bank.example/back?from=restore', 'com.bank.app:/restored']
const clients = [
  ['bank_app', ['CUSTOMER:PASSWORD:RESTORE'], redirects],
  ['ib_localhost', ['CUSTOMER:PASSWORD:RESTORE'], ['http://localhost']],
  ['sign_in_only', ['CUSTOMER:FULL'], redirects],
].map(([client_id, scopes, redirect_uris]) => ({ client_id, type: 'public', redirect_uris, origins: [], scopes }))
const rekey = await startRekey(t, {
  env: { REKEY_CLIENTS_FILE: join(t.testdir({ 'clients.json': JSON.stringify(clients) }), 'clients.json') },
})
const visit = () => createVisitor(rekey.http)
const pathOf = (parameters: Record<string, string>) => `/restore?${new URLSearchParams(parameters)}`

t.test('a restore leads back to the client, with its state', async (t) => {
  const state = 'a+b &c"<'
  for (const redirect_uri of redirects) {
    const customer = await createCustomer(rekey.postgres.url)
    const visitor = visit()
    const start = await visitor.open(pathOf({ client_id: 'bank_app', redirect_uri, state }))
    const refused = await visitor.submit(start, { username: 'nobody' })
    t.equal(refused.status, 400)
    t.match(refused.text, `client_id&#61;bank_app`, 'another language keeps the client')
    const code = await visitor.submit(refused, { username: customer.email })
    const password = await visitor.proveFrom(rekey.inbox, code, customer.email)
    const done = await visitor.submit(password, { password: 'four words of mine' })
    t.equal(titleOf(done), 'Your password is changed')
    const href = /<a class="button" href="([^"]*)"/
      .exec(done.text)?.[1]
      ?.replaceAll('&#61;', '=')
      .replaceAll('&#38;', '&')
    const link = new URL(href ?? '')
    t.equal(link.searchParams.get('state'), state)
    link.searchParams.delete('state')
    t.equal(link.href, new URL(redirect_uri).href)
  }
})

t.test('no parameters lead to an address that the client did not register', async (t) => {
  const value = fc.constantFrom(
    undefined,
    'bank_app',
    'sign_in_only',
    'nobody',
    ...redirects,
    'https://evil.example/',
    '//evil.example',
    'javascript:alert(1)',
    'https://bank.example/login/',
    '',
  )
  const parameters = fc.record({ client_id: value, redirect_uri: value, state: value })
  await fc.assert(
    fc.asyncProperty(parameters, async (chosen) => {
      const given = Object.fromEntries(Object.entries(chosen).filter(([, one]) => one !== undefined)) as Record<
        string,
        string
      >
      const { client_id = '', redirect_uri = '' } = given
      const isRegistered = client_id === 'bank_app' && redirects.includes(redirect_uri)
      const isPlain = !client_id && !redirect_uri && !given.state
      const visitor = visit()
      const page = await visitor.open(pathOf(given))
      if (page.status !== (isRegistered || isPlain ? 200 : 400)) throw new Error(`${page.status}`)
      if (/(href|action)="(?!\/|tel:)/.test(page.text)) throw new Error(page.text)
      if (isRegistered || isPlain) return
      // A form that was made for no client, with these parameters added.
      const { action, fields } = visitor.formOf(await visitor.open('/restore'))
      const posted = await visitor.post(action, { ...fields, username: 'nobody@example.com', ...given })
      if (posted.status !== 400) throw new Error(`a form with them: ${posted.status}`)
    }),
    { numRuns: 60 },
  )
  t.pass()
})

t.test('the page of such a link says what is wrong', async (t) => {
  const [redirect_uri = ''] = redirects
  const wrong: [Record<string, string>, string][] = [
    [{ redirect_uri }, 'the link has no client_id'],
    [{ state: 'x' }, 'the link has no client_id'],
    [{ client_id: 'nobody', redirect_uri }, 'no client is registered with this client_id'],
    [{ client_id: 'sign_in_only', redirect_uri }, 'It lacks the scope CUSTOMER:PASSWORD:RESTORE'],
    [{ client_id: 'bank_app' }, 'the link has no redirect_uri'],
    [{ client_id: 'bank_app', redirect_uri: 'https://evil.example' }, 'this redirect_uri is not registered'],
  ]
  for (const [parameters, text] of wrong) {
    const page = await visit().open(pathOf(parameters))
    t.equal(page.status, 400)
    t.equal(titleOf(page), 'This link does not work')
    t.match(page.text, text)
  }
})
