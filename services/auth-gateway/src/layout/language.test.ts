import { languages } from '@rekey/texts'
import fc from 'fast-check'
import t from 'tap'
import { createCookieJar } from './cookies.ts'
import { createLanguageChoice } from './language.ts'

const jar = createCookieJar(true)
const choice = createLanguageChoice(jar, false)
const request = (lang: unknown, cookie?: string, accepted?: string) => ({
  query: { lang },
  headers: {
    ...(cookie && { cookie: `__Host-rekey-lang=${cookie}` }),
    ...(accepted && { 'accept-language': accepted }),
  },
})

t.test(
  'the address decides before the cookie, the cookie before Accept-Language, and English is the rest',
  async (t) => {
    const wish = fc.constantFrom(undefined, ...languages, 'fr', 'ar-XB', '', '__proto__', 'de-DE')
    const known = (tag: string | undefined) => languages.find((one) => one === tag)
    fc.assert(
      fc.property(wish, wish, wish, (lang, cookie, accepted) => {
        const expected = known(lang) ?? known(cookie) ?? known(accepted?.slice(0, 2)) ?? 'en'
        const chosen = choice.languageOf(request(lang, cookie, accepted))
        if (chosen !== expected) throw new Error(`${chosen}, not ${expected}`)
        const kept = choice.cookieOf(request(lang, cookie, accepted))
        if (Boolean(kept) !== (known(lang) !== undefined)) throw new Error(`cookie ${kept}`)
      }),
    )
    for (const lang of [['de', 'en'], { de: 1 }, 1, null]) t.equal(choice.languageOf(request(lang)), 'en')
  },
)

t.test('pseudo-texts are shown in the sandbox alone', async (t) => {
  t.equal(choice.languageOf(request('ar-XB')), 'en')
  t.equal(createLanguageChoice(jar, true).languageOf(request('ar-XB')), 'ar-XB')
})

t.test('cookies are for this host, this site and no script; without TLS they lack the prefix', async (t) => {
  t.equal(jar.write('lang', 'de', 60), '__Host-rekey-lang=de; Max-Age=60; Path=/; HttpOnly; Secure; SameSite=Lax')
  t.equal(createCookieJar(false).write('lang', 'de', 60), 'rekey-lang=de; Max-Age=60; Path=/; HttpOnly; SameSite=Lax')
})
