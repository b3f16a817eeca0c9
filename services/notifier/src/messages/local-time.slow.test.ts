import { languages } from '@rekey/texts'
import fc from 'fast-check'
import t from 'tap'
import { measureSms } from './compose-sms.ts'
import { createLocalTime } from './local-time.ts'

const at = new Date('2026-11-21T20:37:12Z')

t.test('times follow the language of the message and the time zone of the customer', async (t) => {
  const timesOf = (locale: string, timezone: string, language: 'en' | 'de' | 'es' | 'ru') => {
    const time = createLocalTime({ locale, timezone }, language)
    return [time.dateTime(at), time.shortDateTime(at), time.shortTime(at)]
  }
  t.strictSame(timesOf('en-GB', 'Asia/Nicosia', 'en'), [
    '21 November 2026 at 22:37 (Eastern European Standard Time)',
    '21 Nov, 22:37 EET',
    '22:37 EET',
  ])
  t.strictSame(timesOf('de-AT', 'Europe/Vienna', 'de'), [
    '21. November 2026 um 21:37 (Mitteleuropäische Normalzeit)',
    '21. Nov., 21:37 MEZ',
    '21:37 MEZ',
  ])
  t.strictSame(timesOf('es', 'Europe/Madrid', 'es'), [
    '21 de noviembre de 2026 a las 21:37 (hora estándar de Europa central)',
    '21 nov, 21:37 CET',
    '21:37 CET',
  ])
  t.strictSame(timesOf('ru_RU', 'Europe/Moscow', 'ru'), [
    '21 ноября 2026 г. в 23:37 (Москва, стандартное время)',
    '21.11, 23:37 GMT+3',
    '23:37 GMT+3',
  ])
  t.match(timesOf('en-US', 'America/New_York', 'en')[0], /^November 21, 2026 at 3:37\sPM \(Eastern Standard Time\)$/)
  t.equal(timesOf('en-US', 'America/New_York', 'en')[1], 'Nov 21, 3:37 PM EST')
  t.equal(timesOf('fr-FR', 'Europe/Paris', 'en')[1], '21 Nov, 21:37 CET', 'another language than the message')
  t.equal(timesOf('en-u-nu-arab-ca-buddhist', 'UTC', 'en')[1], timesOf('en', 'UTC', 'en')[1], 'usual digits')
})

t.test('without a readable locale or time zone the time is in UTC, which it names', async () => {
  const anyText = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('', 'Nowhere/Land', 'x-y-z'))
  fc.assert(
    fc.property(anyText, anyText, fc.constantFrom(...languages), (locale, timezone, language) => {
      const time = createLocalTime({ locale, timezone: `no ${timezone}` }, language)
      return time.shortDateTime(at).endsWith('20:37 UTC') && /\(.+\)$/.test(time.dateTime(at))
    }),
  )
})

t.test('a short time has only characters of GSM-7, in every time zone', async (t) => {
  const locales = [
    ['en-US', 'en'],
    ['de-DE', 'de'],
    ['es-MX', 'es'],
  ] as const
  for (const [locale, language] of locales) {
    const texts = Intl.supportedValuesOf('timeZone').map((timezone) =>
      createLocalTime({ locale, timezone }, language).shortDateTime(at),
    )
    t.ok(texts.length > 300)
    t.same(measureSms([...new Set(texts)].join()).notInGsm, [], locale)
  }
})
