import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { assetPaths } from './viewer.ts'

const rekey = await startRekey(t)
const { http } = rekey

interface Document {
  servers: unknown
  paths: Record<string, Record<string, { operationId: string }>>
}

t.test('the documents are served as they are generated, with the public URL and an ETag', async (t) => {
  const openapi = await http.get<Document & Record<string, unknown>>('/openapi.json')
  t.match(openapi.body, { openapi: /^3\.1/, servers: [{ url: rekey.url }] })
  t.match((await http.get('/asyncapi.json')).body, { asyncapi: /^3\.1/ })
  for (const path of ['/openapi.json', '/asyncapi.json', '/docs', '/docs/events', ...assetPaths]) {
    const { status, headers } = await http.get(path)
    t.equal(status, 200, path)
    t.equal(headers.get('cache-control'), 'public, max-age=300')
    const again = await http.get(path, { 'if-none-match': headers.get('etag') })
    t.match({ status: again.status, text: again.text }, { status: 304, text: '' }, path)
  }
})

t.test('a file is sent compressed to a browser that takes it, with an ETag of its own', async (t) => {
  const plain = await fetch(`${rekey.url}/docs/viewer.js`, { headers: { 'accept-encoding': 'identity' } })
  const gzip = await fetch(`${rekey.url}/docs/viewer.js`, { headers: { 'accept-encoding': 'br, gzip' } })
  t.equal(gzip.headers.get('content-encoding'), 'gzip')
  t.equal(plain.headers.get('content-encoding'), null)
  t.not(gzip.headers.get('etag'), plain.headers.get('etag'))
  t.equal(await gzip.text(), await plain.text())
})

t.test(
  'S34: /docs shows every operation, sends a request, and nothing leaves its origin',
  { skip: noBrowser },
  async (t) => {
    const browser = await launchBrowser(t)
    const page = await browser.newPage()
    const violations: string[] = []
    const foreign: string[] = []
    page.on('console', (message) => {
      if (/Content.Security.Policy|Refused to/i.test(message.text())) violations.push(message.text())
    })
    page.on('pageerror', (error) => violations.push(String(error)))
    page.on('request', (request) => {
      const url = request.url()
      if (!url.startsWith(rekey.url) && !url.startsWith('data:')) foreign.push(url)
    })

    await page.goto(`${rekey.url}/docs`)
    const { body } = await http.get<Document>('/openapi.json')
    const ids = Object.values(body.paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId))
    await page.waitForSelector('.opblock')
    const shown = await page
      .locator('.opblock')
      .evaluateAll((blocks) => blocks.map((block) => (block as unknown as { id: string }).id.split('-').at(-1)))
    t.same([...new Set(shown)].toSorted(), ids.toSorted(), 'every operation')

    const operation = page.locator('[id="operations-Restore-requestRestore"]')
    await operation.locator('.opblock-summary').first().click()
    await operation.locator('button.execute').click()
    await operation.locator('.live-responses-table .response-col_status').first().waitFor()
    t.match(await operation.locator('.live-responses-table').textContent(), /200[\s\S]*mfa_code_required/)

    await page.goto(`${rekey.url}/docs/events`)
    t.match(await page.locator('main').textContent(), 'password.restored')
    await page.locator('#PasswordRestored summary').first().click()
    t.match(await page.locator('#PasswordRestored pre').first().textContent(), 'ce-type')
    t.same(foreign, [], 'requests to other origins')
    t.same(violations, [], 'violations of the content security policy')
  },
)

t.test('with REKEY_API_DOCS=false none of it is served', async (t) => {
  await rekey.restart({ REKEY_API_DOCS: 'false' })
  for (const path of ['/openapi.json', '/asyncapi.json', '/docs', '/docs/events', ...assetPaths]) {
    t.equal((await http.get(path)).status, 404, path)
  }
})
