import { sandboxClients, sandboxCustomers } from '@rekey/contracts'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { systemRandom } from '@rekey/platform/random'
import { createServer } from '@rekey/platform/server'
import t, { type Test } from 'tap'
import { createFrontPage } from './front-page.ts'

const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

/** A gateway with the path `/` alone. */
const start = async (t: Test, settings: Partial<Parameters<typeof createFrontPage>[0]>) => {
  const app = await createServer({
    log: createLogger({ name: 'test', level: 'silent' }),
    metrics: createMetrics(),
    random: systemRandom,
    trustedProxies: [],
  })
  t.teardown(() => app.close())
  await createFrontPage({ REKEY_PROFILE: 'production', REKEY_PUBLIC_URL: 'https://id.example', ...settings }).routes?.(
    app,
  )
  return async (headers: Record<string, string> = {}) => {
    const { statusCode: status, headers: sent, body: text } = await app.inject({ url: '/', headers })
    return { status, headers: sent, text }
  }
}

const isNoResource = (t: Test, { status, text }: { status: number; text: string }) =>
  t.match({ status, body: JSON.parse(text) }, { status: 404, body: { code: 'not_found' } })

t.test('the sandbox’s page links to every page and lists the demo clients and customers', async (t) => {
  const get = await start(t, { REKEY_PROFILE: 'sandbox', REKEY_INBOX_URL: 'http://localhost:8025' })
  const page = await get(browser)
  t.equal(page.status, 200)
  t.match(page.headers['content-type'], 'text/html')
  for (const href of ['/restore', '/account', '/staff', '/docs', 'http://localhost:8025'])
    t.match(page.text, `href="${href}"`)
  for (const { id, secret } of sandboxClients) t.match(page.text, new RegExp(`${id}[^]*${secret ?? 'none'}`))
  for (const { password, addresses, totpSecret = 'none' } of sandboxCustomers) {
    for (const text of [addresses[0]?.value ?? '', password, totpSecret]) t.match(page.text, text)
  }
  t.match(
    page.headers['content-security-policy'],
    /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; frame-ancestors 'none'/,
  )
  isNoResource(t, await get())
  isNoResource(t, await get({ accept: '*/*' }))
  t.notMatch((await (await start(t, { REKEY_PROFILE: 'sandbox' }))(browser)).text, 'Inbox')
})

t.test(
  'production shows no demo page: it redirects browsers to the bank, by language, or has nothing there',
  async (t) => {
    isNoResource(t, await (await start(t, {}))(browser))
    const theme = { returnUrl: { en: 'https://bank.example/', de: 'https://bank.example/de' } }
    const dir = t.testdir({ 'theme.json': JSON.stringify(theme) })
    const get = await start(t, { REKEY_THEME_DIR: dir })
    for (const [language, location] of [
      ['fr', theme.returnUrl.en],
      ['de-AT,en;q=0.5', theme.returnUrl.de],
    ] as const) {
      const answer = await get({ ...browser, 'accept-language': language })
      t.match({ status: answer.status, location: answer.headers.location }, { status: 302, location })
    }
    isNoResource(t, await get())
  },
)
