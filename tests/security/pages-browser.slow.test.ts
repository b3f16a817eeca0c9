import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { launchBrowser, noBrowser } from '@rekey/test-support/browser'
import { eventually } from '@rekey/test-support/eventually'
import { startRekey } from '@rekey/test-support/rekey'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startMessageLog } from './message-log.ts'
import { createPageForms, type Fields, resendSeconds } from './page-forms.ts'

// The browser enforces the policies of the pages. pages.test.ts: the forms and headers of the same pages, over HTTP.

const rekey = await startRekey(t, { gatewayEnv: { REKEY_RESEND_SECONDS: String(resendSeconds) } })
const { url } = rekey
const { everyForm } = createPageForms(rekey)
const { allHandled } = await startMessageLog(t, rekey)

t.test('S34 the pages resist attacks in a real browser', { skip: noBrowser }, async (t) => {
  const browser = await launchBrowser(t)

  const openPage = async (t: Test) => {
    const context = await browser.newContext()
    t.teardown(() => context.close())
    const page = await context.newPage()
    const warnings: string[] = []
    page.on('console', (message) => warnings.push(message.text()))
    page.on('pageerror', (error) => warnings.push(error.message))
    page.on('dialog', (dialog) => {
      warnings.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    return { page, context, warnings }
  }

  /** Serves a page of the attacker from another site. */
  const startSite = async (t: Test, html: string) => {
    const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(html))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    // Not localhost itself, which the sandbox serves. Browsers resolve every name under it to this machine.
    return `http://evil.localhost:${(server.address() as AddressInfo).port}/`
  }

  const attributeOf = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
  const formTo = (path: string, fields: Fields) =>
    `<form method="post" action="${url}${path}">${Object.entries(fields)
      .map(([name, value]) => `<input name="${name}" value="${attributeOf(value)}">`)
      .join('')}</form>`

  t.test('S34 a page of another site that submits our forms has no effect', async (t) => {
    for (const { browser: owner, path, fields, hadEffect } of await everyForm()) {
      const { page, context } = await openPage(t)
      // The victim's browser has the cookie.
      await context.addCookies([...owner.cookies].map(([name, value]) => ({ name, value, url })))
      const site = await startSite(t, `${formTo(path, fields)}<script>document.forms[0].submit()</script>`)
      const answered = page.waitForResponse(`${url}${path}`)
      await page.goto(site, { waitUntil: 'commit' })
      t.equal((await answered).status(), 403, path)
      await page.getByRole('heading', { name: 'This came from another website' }).waitFor()

      // Without navigation: by script, and from a frame with an opaque origin.
      const body = `new URLSearchParams(${JSON.stringify(fields)})`
      const inBackground = await startSite(
        t,
        `<iframe sandbox="allow-scripts allow-forms" srcdoc="${attributeOf(`${formTo(path, fields)}<script>document.forms[0].submit()</script>`)}"></iframe>
         <script>fetch('${url}${path}', { method: 'POST', mode: 'no-cors', body: ${body} }).finally(() => { document.title = 'sent' })</script>`,
      )
      await page.goto(inBackground)
      const isDone = async () =>
        (await page.title()) === 'sent' && page.frames().some((frame) => frame.url().startsWith('chrome-error:'))
      await eventually(isDone, { what: 'the script to send the form and the answer to be blocked in the frame' })
      await allHandled()
      t.notOk(await hadEffect(), path)
    }
  })

  t.test('S34 no site can frame or read our pages, or keep a reference to their window', async (t) => {
    for (const path of ['/restore', '/not-me?token=x']) {
      const { page, warnings } = await openPage(t)
      const site = await startSite(
        t,
        `<iframe src="${url}${path}"></iframe><object data="${url}${path}"></object><embed src="${url}${path}">
         <script>fetch('${url}${path}').then((answer) => answer.text(), () => 'refused').then((text) => { document.title = text })</script>`,
      )
      await page.goto(site)
      await eventually(async () => (await page.title()) === 'refused', { what: 'the script to be blocked' })
      await eventually(() => warnings.some((text) => /frame-ancestors|X-Frame-Options/i.test(text)), {
        what: 'the frame to be blocked',
      })
      for (const frame of page.frames()) t.notOk(await frame.locator('main').count(), frame.url())
      // Cross-Origin-Opener-Policy cuts the reference to a window that the site opens.
      await page.evaluate(`window.opened = window.open('${url}${path}')`)
      await eventually(() => page.evaluate('window.opened.closed'), { what: 'the reference to the window to be cut' })
    }
  })

  const payloads = [
    '"><script>alert(1)</script><img src=x onerror=alert(1)>',
    `'" autofocus onfocus=alert(1) onmouseover="alert(1)`,
    '</title></strong></p><svg onload=alert(1)><a href="https://evil.example">x</a>',
    'javascript:alert(1)//{{constructor.constructor("alert(1)")()}}',
    // Valid in an e-mail address, so it reaches the page for the code.
    "a'onmouseover='alert`1`'&lt@example.com",
  ]
  const echoing: [path: string, fields: Fields][] = [
    ['/restore', { username: 'x' }],
    ['/restore', { username: 'x', client_id: 'x', redirect_uri: 'x', state: 'x' }],
    ['/restore/code', { turn: '1', code: '12' }],
    ['/restore/password', { turn: '1', password: 'one' }],
    ['/not-me', { token: 'x.y' }],
  ]
  const markup = 'script:not([src^="/pages/"]), img, svg, iframe, a[href^="http"], main [onfocus], main [onmouseover]'

  /** Submits a form as our own page does: only the fields are hostile. The script is text because it runs in the browser. */
  const send = async (page: Page, path: string, fields: Fields) => {
    const loaded = page.waitForEvent('load')
    await page.evaluate(`{
      const form = Object.assign(document.createElement('form'), { method: 'post', action: '${path}' })
      for (const [name, value] of Object.entries(${JSON.stringify(fields)})) {
        form.append(Object.assign(document.createElement('input'), { name, value }))
      }
      document.body.append(form)
      form.submit()
    }`)
    await loaded
  }

  t.test('S34 nothing that a page echoes becomes markup', async (t) => {
    const { page, warnings } = await openPage(t)
    const requested: string[] = []
    page.on('request', (request) => requested.push(request.url()))
    for (const payload of payloads) {
      await page.goto(`${url}/not-me?${new URLSearchParams({ token: payload.replaceAll(' ', '') })}`)
      t.equal(await page.locator(markup).count(), 0, payload)
      await page.goto(`${url}/restore`)
      const hidden = await page.locator('main input[type=hidden]').all()
      const own: Fields = {}
      for (const input of hidden) own[(await input.getAttribute('name')) ?? ''] = await input.inputValue()
      await send(page, '/restore', { ...own, username: 'x@example.com' })
      const flow = new URL(page.url()).pathname.split('/')[2]
      for (const [path, fields] of echoing) {
        const action = path.replace('/restore/', `/restore/${flow}/`)
        for (const name of Object.keys(fields)) {
          await send(page, action, { ...own, ...fields, [name]: payload })
          t.equal(await page.locator(markup).count(), 0, `${path} ${name} ${payload}`)
        }
      }
    }
    t.same(
      warnings.filter((text) => !/a status of 4\d\d/.test(text)),
      [],
      'the content security policy had nothing to block',
    )
    t.same(
      requested.filter((target) => !target.startsWith(`${url}/`)),
      [],
      'no request to a third party',
    )
  })

  t.test('S34 the content security policy blocks injected markup, and no request has a Referer', async (t) => {
    const { page, warnings } = await openPage(t)
    const referers: (string | undefined)[] = []
    page.on('request', async (request) => referers.push((await request.allHeaders()).referer))
    await page.goto(`${url}/not-me?token=a.secret`)
    const inserted = `<img src="http://localhost:1/x"><img src=x onerror="window.ran = 1"><style>main { display: none }</style>
      <form id="away" method="post" action="http://localhost:1/"><input name="token" value="a.secret"></form>`
    // Trusted Types refuse a text. An attacker who gets around them meets the rest of the policy.
    const insert = `document.querySelector('main').insertAdjacentHTML('beforeend', `
    await t.rejects(page.evaluate(`${insert}${JSON.stringify(inserted)})`), /TrustedHTML/)
    await page.evaluate(
      "window.attack = trustedTypes.createPolicy('attack', { createHTML: (text) => text, createScript: (text) => text })",
    )
    await page.evaluate(`${insert}attack.createHTML(${JSON.stringify(inserted)}))`)
    await page.evaluate(
      "document.head.append(Object.assign(document.createElement('script'), { textContent: attack.createScript('window.ran = 1') }))",
    )
    await page.evaluate("document.getElementById('away').submit()")
    await eventually(
      () =>
        ['img-src', 'script-src', 'style-src', 'form-action'].every((what) =>
          warnings.some((text) => text.includes(what) || text.includes('default-src')),
        ),
      { what: 'the policy to block all of it' },
    )
    t.equal(await page.evaluate('window.ran'), undefined)
    t.ok(await page.locator('main').isVisible())
    t.match(page.url(), url)
    t.ok(referers.length > 1)
    t.same(
      referers.filter((referer) => referer),
      [],
    )
  })
})
