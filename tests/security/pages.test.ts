import type { TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { codesOf, signsIn } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import { titleOf } from '@rekey/test-support/visitor'
import t, { type Test } from 'tap'
import { startMessageLog } from './message-log.ts'
import { createPageForms, type Fields, resendSeconds } from './page-forms.ts'

const rekey = await startRekey(t, { gatewayEnv: { REKEY_RESEND_SECONDS: String(resendSeconds) } })
const { url } = rekey
const { openBrowser, newCustomer, codeForm, passwordForm, everyForm } = createPageForms(rekey)
const { allHandled } = await startMessageLog(t, rekey)

const csp =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"
const ownScript = /<script src="\/pages\/[0-9a-f]{16}\.js" defer><\/script>/
const assertSafeHeaders = (t: Test, { headers, text }: Answer, what: string) => {
  t.equal(headers.get('content-security-policy'), csp, what)
  t.equal(headers.get('x-frame-options'), 'DENY', what)
  t.equal(headers.get('referrer-policy'), 'no-referrer', what)
  t.equal(headers.get('cross-origin-opener-policy'), 'same-origin', what)
  t.equal(headers.get('cache-control'), 'no-store', what)
  for (const line of headers.getSetCookie()) t.match(line, /^rekey-browser=[\w-]{43}; .*HttpOnly; SameSite=Lax$/, what)
  t.notMatch(text.replace(ownScript, ''), /<script|<style| style=| on\w+=|(src|href|action)="(?!\/[a-z]|tel:)/, what)
}

t.test('S34 a valid form from another site has no effect; the same form from our own page has', async (t) => {
  const foreign: Fields[] = [
    { origin: 'https://evil.example' },
    { origin: url.replace('http:', 'https:') },
    { origin: url.replace('127.0.0.1', 'evil.localhost') },
    { origin: url.replace('127.0.0.1', '127.0.0.11') },
    { origin: `${url}.evil.example` },
    { origin: `${url}/` },
    // Sent by a sandboxed frame of any site, through a browser without Fetch Metadata.
    { origin: 'null' },
    { origin: 'null', 'sec-fetch-site': 'cross-site' },
    { origin: url, 'sec-fetch-site': 'cross-site' },
    { origin: url, 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': '' },
    { 'sec-fetch-site': 'same-origin, cross-site' },
  ]
  for (const { browser, path, fields, hadEffect, nextHeading } of await everyForm()) {
    for (const headers of foreign) {
      const answer = await browser.post(path, fields, headers)
      t.equal(answer.status, 403, `${path} ${JSON.stringify(headers)}`)
      assertSafeHeaders(t, answer, path)
    }
    await allHandled()
    t.notOk(await hadEffect(), path)
    const own = await browser.post(path, fields, { origin: url, 'sec-fetch-site': 'same-origin' })
    t.equal(titleOf(own), nextHeading, path)
    assertSafeHeaders(t, own, path)
    await eventually(hadEffect, { what: `the effect of ${path}` })
  }
})

t.test('S19 S34 a form without its token, or of another browser or restore, is refused', async (t) => {
  const [victim, thief] = [await newCustomer(), await newCustomer()]
  const [theirs, mine] = [openBrowser(), openBrowser()]
  const [theirForm, myForm] = [await codeForm(theirs, victim), await codeForm(mine, thief)]
  const { csrf: _, ...withoutToken } = theirForm.fields
  const attempts: [what: string, browser: typeof mine, path: string, fields: Fields, status: number][] = [
    ['without a token', theirs, theirForm.path, withoutToken, 400],
    ['an empty token', theirs, theirForm.path, { ...theirForm.fields, csrf: '' }, 400],
    [
      'the token of another browser',
      theirs,
      theirForm.path,
      { ...theirForm.fields, csrf: myForm.fields.csrf ?? '' },
      400,
    ],
    ['without a cookie', openBrowser(), theirForm.path, theirForm.fields, 400],
    [
      'the address and code of another browser',
      mine,
      theirForm.path,
      { ...myForm.fields, code: theirForm.fields.code ?? '' },
      404,
    ],
    ['a token as a report', mine, '/not-me', { token: 'eyJ4.eyJ4.x' }, 400],
  ]
  for (const [what, browser, path, fields, status] of attempts)
    t.equal((await browser.post(path, fields)).status, status, what)
  t.equal(titleOf(await theirs.post(theirForm.path, theirForm.fields)), 'Choose a new password', 'nothing was spent')

  // My proof with the path of the victim's restore: the browser's own state decides whose password is set.
  const proof = await passwordForm(mine, thief)
  const theirPath = theirForm.path.replace('/code', '/password')
  t.equal((await mine.post(theirPath, proof.fields)).status, 404)
  t.equal(titleOf(await mine.post(proof.path, proof.fields)), 'Your password is changed')
  t.ok(await signsIn(rekey, victim, victim.password), 'the victim’s password is unchanged')
  t.notOk(await signsIn(rekey, victim, 'An-attackers-own'))
  t.ok(await signsIn(rekey, thief, 'An-attackers-own'), 'the attacker’s own password was set')

  const again = await codeForm(mine, thief)
  const codesTo = async ({ email }: TestCustomer) =>
    (await rekey.inbox.messagesTo(email)).filter((message) => codesOf(message).confirmation).length
  const [toVictim, toThief] = [await codesTo(victim), await codesTo(thief)]
  const resend = again.path.replace('/code', '/resend')
  // Refused until the cooldown is over: each press is one of its own.
  let turn = 1
  await eventually(async () => {
    turn += 1
    await mine.post(resend, { ...again.fields, turn: String(turn), username: victim.email })
    return (await codesTo(thief)) > toThief
  })
  t.equal(await codesTo(victim), toVictim, 'codes go to the person of the restore alone')
})
