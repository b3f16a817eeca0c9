import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { eventually } from '@rekey/test-support/eventually'
import { createPublicRequests } from '@rekey/test-support/public-requests'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import t from 'tap'

const escapeHtml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')

t.test('S38: a page of another origin has no effect through a browser', { skip: noBrowser }, async (t) => {
  const rekey = await startRekey(t)
  const redis = new Redis(rekey.redis.url)
  t.teardown(() => redis.disconnect())
  const requests = await createPublicRequests(rekey)

  const forms = Object.entries(requests).filter(([route]) => route.startsWith('POST '))
  const gets = Object.entries(requests).filter(([route, request]) => route.startsWith('GET ') && 'spends' in request)
  const url = (path: string) => escapeHtml(`${rekey.url}${path}`)
  /** The page of an attacker, on which a victim is: each form has an iframe of its own for the answer. */
  const page = `<!doctype html><title>kittens</title>
    ${forms
      .map(([, { path, form, body = form ?? {} }], index) => {
        const fields = Object.entries(body).map(
          ([name, value]) => `<input name="${name}" value="${escapeHtml(String(value))}">`,
        )
        const target = `answer${index}`
        return `<iframe name="${target}"></iframe>
          <form method="post" action="${url(path)}" target="${target}">${fields.join('')}</form>`
      })
      .join('')}
    ${gets.map(([, { path }]) => `<img src="${url(path)}"><iframe src="${url(path)}"></iframe>`).join('')}
    <script>
      for (const form of document.forms) form.submit()
      ${gets.map(([, { path }]) => `fetch(${JSON.stringify(rekey.url + path)}, { mode: 'no-cors' })`).join('\n')}
    </script>`
  const evil = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(page))
  await new Promise<void>((resolve) => evil.listen(0, 'localhost', resolve))
  t.teardown(() => evil.close())

  const spentBefore = (await redis.keys('rekey:{limits}:*')).filter((key) => !key.includes(':known:'))
  if (spentBefore.length > 0) await redis.del(spentBefore)
  const before = new Set(await redis.keys('*'))
  const answered = async () =>
    (await rekey.logOf('auth-gateway'))
      .filter(({ msg }) => msg === 'request answered')
      .map(({ route, status }) => ({ route, status }))
  const earlier = (await answered()).length
  const browser = await launchBrowser(t)
  const tab = await (await browser.newContext()).newPage()
  // Not localhost itself, which the sandbox serves. Browsers resolve every name under it to this machine.
  await tab.goto(`http://evil.localhost:${(evil.address() as AddressInfo).port}/`)
  // Each GET as an image, in a frame, and by a script.
  const sent = forms.length + gets.length * 3
  await eventually(async () => (await answered()).length >= earlier + sent, {
    what: `${sent} requests of the browser`,
  })
  t.same(
    (await answered()).slice(earlier).filter(({ status }) => status !== 403),
    [],
  )
  const spent = (await redis.keys('*')).filter((key) => !before.has(key))
  t.same(spent, [], 'nothing was counted')
})
